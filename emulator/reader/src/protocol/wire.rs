// SPDX-License-Identifier: MIT OR Apache-2.0
//! Fixed-size structures in the byte order of the machine.

/// A value of fixed size on the wire.
pub(crate) trait Field: Sized {
    /// Bytes it takes.
    const SIZE: usize;
    /// Appends it.
    fn put(&self, out: &mut Vec<u8>);
    /// Takes it from the front of `input`; `None` if too little is left.
    fn take(input: &mut &[u8]) -> Option<Self>;
}

fn split<'a>(input: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (head, tail) = input.split_at_checked(count)?;
    *input = tail;
    Some(head)
}

impl Field for u32 {
    const SIZE: usize = 4;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_ne_bytes());
    }

    fn take(input: &mut &[u8]) -> Option<Self> {
        Some(Self::from_ne_bytes(
            split(input, Self::SIZE)?.try_into().ok()?,
        ))
    }
}

impl Field for i32 {
    const SIZE: usize = 4;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_ne_bytes());
    }

    fn take(input: &mut &[u8]) -> Option<Self> {
        Some(Self::from_ne_bytes(
            split(input, Self::SIZE)?.try_into().ok()?,
        ))
    }
}

impl<const N: usize> Field for [u8; N] {
    const SIZE: usize = N;

    fn put(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self);
    }

    fn take(input: &mut &[u8]) -> Option<Self> {
        split(input, N)?.try_into().ok()
    }
}

/// Declares one message: a structure that is the same in a request and in its
/// reply, with the codec for both directions.
macro_rules! message {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $kind:ty),* $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name {
            $($(#[$field_meta])* pub $field: $kind,)*
        }

        impl $name {
            /// Bytes the structure takes on the wire.
            pub const SIZE: usize = 0 $(+ <$kind as $crate::protocol::wire::Field>::SIZE)*;

            /// Appends the structure to `out`.
            pub fn encode(&self, out: &mut Vec<u8>) {
                $($crate::protocol::wire::Field::put(&self.$field, out);)*
            }

            /// Reads the structure from exactly [`Self::SIZE`] bytes.
            #[must_use]
            pub fn decode(bytes: &[u8]) -> Option<Self> {
                let mut rest = bytes;
                let message = Self {
                    $($field: <$kind as $crate::protocol::wire::Field>::take(&mut rest)?,)*
                };
                rest.is_empty().then_some(message)
            }
        }
    };
}

pub(crate) use message;
