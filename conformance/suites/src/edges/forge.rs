// SPDX-License-Identifier: MIT OR Apache-2.0
//! Protected commands with one fault. Whatever the fault, the checksum is
//! right over what is sent, unless it is itself the fault, so that a card
//! cannot refuse a command for another reason than the one named.

use super::script::ScriptError;
use iso7816_wire::CommandApdu;
use iso7816_wire::apdu::CLA_SM;
use iso7816_wire::sm::{Primitives, SessionKeys, pad};
use iso7816_wire::tlv;

/// All faults, by the words that a script uses.
pub const KINDS: &[(&str, &str)] = &[
    ("nothing", "as it should be"),
    (
        "no outer Le",
        "as it should be, without the Le 00 behind the objects",
    ),
    (
        "outer Le 10",
        "as it should be, with an Le of 16 behind the objects",
    ),
    (
        "8E with a long length",
        "as it should be, the checksum as `8E 81 08`",
    ),
    ("extended", "as it should be, in extended length"),
    (
        "extended, Le 0000",
        "in extended length, with `97 02 00 00`",
    ),
    (
        "extended, Le 0101",
        "in extended length, with `97 02 01 01`",
    ),
    ("no data field", "no objects at all"),
    ("no 8E", "no checksum"),
    ("wrong 8E", "one bit of the checksum is wrong"),
    ("8E of 0 bytes", "an empty checksum"),
    ("8E of 4 bytes", "half a checksum"),
    ("8E of 7 bytes", "a checksum one byte short"),
    ("8E of 9 bytes", "a checksum and one byte more"),
    ("8E twice", "the checksum, and again"),
    ("8E first", "the checksum before the objects it covers"),
    (
        "8E by another key",
        "a checksum made with the encryption key",
    ),
    ("8E over another header", "a checksum over P2 + 1"),
    (
        "8E over padding twice",
        "header only, with a second padding block under the checksum",
    ),
    ("cryptogram twice", "DO 87, and again"),
    ("97 twice", "DO 97, and again"),
    ("97 first", "DO 97 before DO 87"),
    ("97 of 0 bytes", "an empty DO 97"),
    ("97 of 2 bytes", "two bytes of Le in a short command"),
    ("97 of 3 bytes", "three bytes of Le"),
    ("80 in front", "an unknown object, covered by the checksum"),
    ("80 behind", "an unknown object behind the checksum"),
    (
        "99 in front",
        "an object of responses, covered by the checksum",
    ),
    ("81 for 87", "the data in plain in DO 81"),
    ("85 for 87", "DO 85 with an even instruction"),
    ("87 for 85", "DO 87 with an odd instruction"),
    ("indicator 00", "padding indicator 00 in DO 87"),
    ("indicator 02", "padding indicator 02 in DO 87"),
    ("no indicator", "DO 87 without its padding indicator"),
    ("empty 87", "DO 87 of no bytes"),
    ("empty 85", "DO 85 of no bytes"),
    ("indicator alone", "DO 87 of the padding indicator alone"),
    (
        "cryptogram of 7 bytes",
        "a cryptogram that is no row of blocks",
    ),
    (
        "cryptogram of 7 bytes and 80",
        "a cryptogram that is no row of blocks and ends with 80",
    ),
    (
        "padding of a block more",
        "the padding goes on for a block of zeros",
    ),
    ("no padding", "a cryptogram of one block without 80"),
    ("padding of zeros", "a cryptogram of one block of zeros"),
    (
        "padding and data",
        "a cryptogram of one block that is all padding",
    ),
    ("cut short", "the last byte is not sent, Lc says so"),
    ("endless", "an object of indefinite length in front"),
    ("trailing byte", "one byte behind the checksum"),
    ("counter one behind", "the counter of the answer before"),
    ("counter one ahead", "a counter that skips one"),
];

/// The objects of one protected command before they are joined.
struct Parts<'a> {
    primitives: &'a Primitives,
    tag: u32,
    header: [u8; 4],
    mac_header: [u8; 4],
    ssc: u64,
    objects: Vec<Vec<u8>>,
    double_padding: bool,
}

impl Parts<'_> {
    fn mac(&self, primitives: &Primitives) -> [u8; 8] {
        let mut input = self.ssc.to_be_bytes().to_vec();
        input.extend(self.mac_header);
        pad(&mut input);
        if !self.objects.is_empty() {
            input.extend(self.objects.concat());
            pad(&mut input);
        } else if self.double_padding {
            pad(&mut input);
        }
        primitives.mac(&input)
    }

    fn encrypted(&self, mut block: Vec<u8>) -> Vec<u8> {
        self.primitives.encrypt(&mut block);
        block
    }

    /// DO 87 or 85 around an encrypted value.
    fn cryptogram(&self, tag: u32, value: &[u8]) -> Vec<u8> {
        match tag {
            0x87 => tlv::encode(tag, &[&[0x01], value].concat()),
            _ => tlv::encode(tag, value),
        }
    }

    fn replace_cryptogram(&mut self, object: Vec<u8>) {
        match self.objects.first_mut() {
            Some(first) => *first = object,
            None => self.objects.push(object),
        }
    }

    fn replace_le(&mut self, value: &[u8]) {
        self.objects.pop();
        self.objects.push(tlv::encode(0x97, value));
    }
}

/// The protected form of `command` with one fault, for a session whose last
/// counter was `ssc`.
///
/// # Errors
/// [`ScriptError::Word`] for an unknown fault.
pub fn forge(
    kind: &str,
    command: &CommandApdu,
    keys: &SessionKeys,
    ssc: u64,
) -> Result<Vec<u8>, ScriptError> {
    if !KINDS.iter().any(|(name, _)| *name == kind) {
        return Err(ScriptError::Word(kind.to_owned()));
    }
    let primitives = Primitives::new(keys);
    let header = [command.cla | CLA_SM, command.ins, command.p1, command.p2];
    let mut parts = Parts {
        primitives: &primitives,
        tag: if command.ins & 1 == 1 { 0x85 } else { 0x87 },
        header,
        mac_header: header,
        ssc: ssc.wrapping_add(1),
        objects: Vec::new(),
        double_padding: false,
    };
    let mut padded = command.data.clone();
    pad(&mut padded);
    let value = parts.encrypted(padded.clone());
    if !command.data.is_empty() {
        parts.objects.push(parts.cryptogram(parts.tag, &value));
    }
    if let Some(le) = command.le {
        let [.., low] = le.to_be_bytes();
        parts.objects.push(tlv::encode(0x97, &[low]));
    }
    before_checksum(kind, &mut parts, &value, &command.data);

    let mac = parts.mac(&primitives);
    let checksum = tlv::encode(0x8E, &mac);
    let body = with_checksum(kind, &parts, keys, &mac, &checksum);
    let extended = kind.starts_with("extended");
    let mut out = parts.header.to_vec();
    if !body.is_empty() {
        let [.., high, low] = body.len().to_be_bytes();
        if extended {
            out.extend([0, high]);
        }
        out.push(low);
        out.extend(body);
    }
    match kind {
        "no outer Le" => {}
        "extended, Le 0000" | "extended, Le 0101" | "extended" => out.extend([0, 0]),
        "outer Le 10" => out.push(0x10),
        _ => out.push(0),
    }
    Ok(out)
}

/// Faults that the checksum covers.
fn before_checksum(kind: &str, parts: &mut Parts<'_>, value: &[u8], data: &[u8]) {
    let [cla, ins, p1, p2] = parts.header;
    match kind {
        "8E over another header" => parts.mac_header = [cla, ins, p1, p2.wrapping_add(1)],
        "8E over padding twice" => parts.double_padding = true,
        "cryptogram twice" => parts.objects.extend(parts.objects.first().cloned()),
        "97 twice" => parts.objects.extend(parts.objects.last().cloned()),
        "97 first" => parts.objects.reverse(),
        "97 of 0 bytes" => parts.replace_le(&[]),
        "97 of 2 bytes" | "extended, Le 0000" => parts.replace_le(&[0, 0]),
        "extended, Le 0101" => parts.replace_le(&[1, 1]),
        "97 of 3 bytes" => parts.replace_le(&[0, 0, 0]),
        "80 in front" => parts.objects.insert(0, vec![0x80, 0x01, 0x00]),
        "99 in front" => parts.objects.insert(0, vec![0x99, 0x02, 0x90, 0x00]),
        "endless" => parts.objects.insert(0, vec![0x87, 0x80, 0x01, 0x00, 0x00]),
        "81 for 87" => parts.replace_cryptogram(tlv::encode(0x81, data)),
        "85 for 87" => parts.replace_cryptogram(parts.cryptogram(0x85, value)),
        "87 for 85" => parts.replace_cryptogram(parts.cryptogram(0x87, value)),
        "indicator 00" => {
            parts.replace_cryptogram(tlv::encode(0x87, &[&[0x00], value].concat()));
        }
        "indicator 02" => {
            parts.replace_cryptogram(tlv::encode(0x87, &[&[0x02], value].concat()));
        }
        "no indicator" => parts.replace_cryptogram(tlv::encode(0x87, value)),
        "empty 87" => parts.replace_cryptogram(vec![0x87, 0x00]),
        "empty 85" => parts.replace_cryptogram(vec![0x85, 0x00]),
        "indicator alone" => parts.replace_cryptogram(vec![0x87, 0x01, 0x01]),
        "cryptogram of 7 bytes" => parts.replace_cryptogram(parts.cryptogram(parts.tag, &[7; 7])),
        "cryptogram of 7 bytes and 80" => {
            let value = [7, 7, 7, 7, 7, 7, 0x80];
            parts.replace_cryptogram(parts.cryptogram(parts.tag, &value));
        }
        "padding of a block more" => {
            let mut longer = data.to_vec();
            pad(&mut longer);
            longer.extend([0; 8]);
            let value = parts.encrypted(longer);
            parts.replace_cryptogram(parts.cryptogram(parts.tag, &value));
        }
        "no padding" => {
            let block = parts.encrypted(vec![0x41; 8]);
            parts.replace_cryptogram(parts.cryptogram(parts.tag, &block));
        }
        "padding of zeros" => {
            let block = parts.encrypted(vec![0; 8]);
            parts.replace_cryptogram(parts.cryptogram(parts.tag, &block));
        }
        "padding and data" => {
            let block = parts.encrypted(vec![0x80, 0, 0, 0, 0, 0, 0, 0]);
            parts.replace_cryptogram(parts.cryptogram(parts.tag, &block));
        }
        "counter one behind" => parts.ssc = parts.ssc.wrapping_sub(1),
        "counter one ahead" => parts.ssc = parts.ssc.wrapping_add(1),
        _ => {}
    }
}

/// The data field, with faults of the checksum itself and behind it.
fn with_checksum(
    kind: &str,
    parts: &Parts<'_>,
    keys: &SessionKeys,
    mac: &[u8; 8],
    checksum: &[u8],
) -> Vec<u8> {
    let objects = parts.objects.concat();
    let with = |end: &[u8]| [&objects, end].concat();
    let cut = |count: usize| tlv::encode(0x8E, mac.get(..count).unwrap_or_default());
    match kind {
        "no data field" => Vec::new(),
        "no 8E" => objects,
        "wrong 8E" => {
            let mut wrong = *mac;
            let [.., last] = &mut wrong;
            *last ^= 1;
            with(&tlv::encode(0x8E, &wrong))
        }
        "8E of 0 bytes" => with(&cut(0)),
        "8E of 4 bytes" => with(&cut(4)),
        "8E of 7 bytes" => with(&cut(7)),
        "8E of 9 bytes" => with(&tlv::encode(0x8E, &[&mac[..], &[0]].concat())),
        "8E with a long length" => with(&[&[0x8E, 0x81, 0x08], &mac[..]].concat()),
        "8E twice" => with(&[checksum, checksum].concat()),
        "8E first" => [checksum, &objects].concat(),
        "8E by another key" => {
            let swapped = SessionKeys {
                enc: keys.mac.clone(),
                mac: keys.enc.clone(),
            };
            with(&tlv::encode(0x8E, &parts.mac(&Primitives::new(&swapped))))
        }
        "80 behind" => with(&[checksum, &[0x80, 0x00]].concat()),
        "trailing byte" => with(&[checksum, &[0x00]].concat()),
        "cut short" => {
            let mut body = with(checksum);
            body.pop();
            body
        }
        _ => with(checksum),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use iso7816_wire::sm::{Session, SmError};

    fn keys() -> SessionKeys {
        SessionKeys {
            enc: [3; 16].into(),
            mac: [5; 16].into(),
        }
    }

    /// What the codec says to a fault in a command with data and Le.
    fn verdict(kind: &str, ins: u8) -> Result<CommandApdu, SmError> {
        let command = CommandApdu::new(0, ins, 0, 0)
            .with_data([1, 2, 3])
            .with_le(4);
        let bytes = forge(kind, &command, &keys(), 7).unwrap();
        Session::new(&keys(), 7).open_command(&CommandApdu::parse(&bytes).unwrap())
    }

    #[test]
    fn no_fault_is_no_fault_and_every_other_is_one() {
        for kind in ["nothing", "no outer Le"] {
            assert_eq!(verdict(kind, 0xCA).unwrap().data, [1, 2, 3], "{kind}");
        }
        let harmless = [
            "nothing",
            "no outer Le",
            "outer Le 10",
            "8E with a long length",
            "extended",
            "extended, Le 0000",
            "extended, Le 0101",
            "8E over padding twice",
            "padding and data",
        ];
        for (kind, _) in KINDS {
            let even = verdict(kind, 0xCA);
            let odd = verdict(kind, 0xCB);
            // A fault may be none for the other parity of the instruction.
            let both = even.is_ok() && odd.is_ok();
            assert_eq!(both, harmless.contains(kind), "{kind}");
        }
        assert_eq!(verdict("no 8E", 0xCA), Err(SmError::Missing(0x8E)));
        assert_eq!(verdict("wrong 8E", 0xCA), Err(SmError::Mac));
        assert_eq!(verdict("indicator 02", 0xCA), Err(SmError::Malformed(0x87)));
        assert_eq!(verdict("no padding", 0xCA), Err(SmError::Padding));
        assert_eq!(
            verdict("97 of 0 bytes", 0xCA),
            Err(SmError::Malformed(0x97))
        );
        assert_eq!(verdict("80 in front", 0xCA), Err(SmError::Misplaced(0x80)));
        assert_eq!(verdict("counter one ahead", 0xCA), Err(SmError::Mac));
        assert!(forge("blue", &CommandApdu::default(), &keys(), 0).is_err());
    }
}
