// SPDX-License-Identifier: MIT OR Apache-2.0
//! Where the other half is: `HOST:PORT`, or `PORT` on this machine.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

/// The port of a vpcd's first slot unless its configuration says otherwise.
pub const USUAL_PORT: u16 = 35963;

/// A host and a port. Slot n is at port + n.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    host: Host,
    port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Host {
    Ip(IpAddr),
    Name(String),
}

/// Why a text is no address, or an address cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No port, or none that is a number up to 65535.
    #[error(
        "{0:?} has no port from 0 to 65535; write HOST:PORT or PORT, for example 127.0.0.1:35963"
    )]
    NoPort(String),
    /// Nothing before the port, or something that is no host.
    #[error(
        "{0:?} has no usable host; write a name, 127.0.0.1, or [::1] with brackets before the port"
    )]
    NoHost(String),
    /// The last slots would be beyond the last port.
    #[error("{slots} slots from port {port} go beyond port 65535; choose a lower port")]
    TooManySlots {
        /// The first slot's port.
        port: u16,
        /// How many slots.
        slots: usize,
    },
}

impl Address {
    /// `port` on this machine, by IPv4.
    #[must_use]
    pub const fn loopback(port: u16) -> Self {
        Self {
            host: Host::Ip(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            port,
        }
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The address of slot number `slot`, of `slots`. Port 0 (any free one)
    /// stays 0 for every slot.
    ///
    /// # Errors
    /// [`AddressError::TooManySlots`].
    pub fn slot(&self, slot: usize, slots: usize) -> Result<Self, AddressError> {
        let port = match self.port {
            0 => Some(0),
            port => u16::try_from(slot)
                .ok()
                .and_then(|slot| port.checked_add(slot)),
        };
        let port = port.ok_or(AddressError::TooManySlots {
            port: self.port,
            slots,
        })?;
        Ok(Self {
            host: self.host.clone(),
            port,
        })
    }

    /// Whether it is an address of this machine that no other machine reaches.
    /// Of names, only `localhost` is.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Ip(IpAddr::V4(ip)) => ip.is_loopback(),
            Host::Ip(IpAddr::V6(ip)) => {
                ip.is_loopback() || ip.to_ipv4_mapped().is_some_and(|ip| ip.is_loopback())
            }
            Host::Name(name) => name.eq_ignore_ascii_case("localhost"),
        }
    }

    pub(super) const fn host(&self) -> &Host {
        &self.host
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self {
            host: Host::Ip(address.ip()),
            port: address.port(),
        }
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => (Some(host), port),
            None => (None, text),
        };
        // `u16::from_str` takes a plus sign; a port has none.
        let port = Some(port)
            .filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|port| port.parse().ok())
            .ok_or_else(|| AddressError::NoPort(text.to_owned()))?;
        let Some(host) = host else {
            return Ok(Self::loopback(port));
        };
        let no_host = || AddressError::NoHost(text.to_owned());
        let bracketed = host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'));
        let host = if let Some(ip) = bracketed {
            Host::Ip(IpAddr::V6(Ipv6Addr::from_str(ip).map_err(|_| no_host())?))
        } else if let Ok(ip) = Ipv4Addr::from_str(host) {
            Host::Ip(IpAddr::V4(ip))
        } else if host.is_empty()
            || !host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        {
            return Err(no_host());
        } else {
            Host::Name(host.to_owned())
        };
        Ok(Self { host, port })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]:{}", self.port),
            Host::Ip(ip) => write!(f, "{ip}:{}", self.port),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn forms_of_addresses() {
        for (text, shown, loopback) in [
            ("35963", "127.0.0.1:35963", true),
            ("127.0.0.2:1", "127.0.0.2:1", true),
            ("[::1]:2", "[::1]:2", true),
            ("localhost:3", "localhost:3", true),
            ("card.example:4", "card.example:4", false),
            ("0.0.0.0:5", "0.0.0.0:5", false),
            ("[::]:6", "[::]:6", false),
            ("[::ffff:127.0.0.1]:7", "[::ffff:127.0.0.1]:7", true),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), shown);
            assert_eq!(address.is_loopback(), loopback, "{text}");
        }
        for text in ["", "host", "host:", "host:65536", "host:+1", "1.2.3.4:x"] {
            assert!(matches!(
                text.parse::<Address>(),
                Err(AddressError::NoPort(_))
            ));
        }
        for text in [":1", "::1:2", "[1.2.3.4]:3", "a b:4", "[::1:5"] {
            assert!(matches!(
                text.parse::<Address>(),
                Err(AddressError::NoHost(_))
            ));
        }
    }

    #[test]
    fn slots_count_from_the_port() {
        let address = Address::loopback(65534);
        assert_eq!(address.slot(1, 2).unwrap().port(), 65535);
        assert_eq!(
            address.slot(2, 3),
            Err(AddressError::TooManySlots {
                port: 65534,
                slots: 3
            })
        );
        assert_eq!(Address::loopback(0).slot(9, 10).unwrap().port(), 0);
    }

    proptest! {
        #[test]
        fn any_text_is_an_address_or_an_error(text in "\\PC{0,30}") {
            if let Ok(address) = text.parse::<Address>() {
                prop_assert_eq!(address.to_string().parse::<Address>(), Ok(address));
            }
        }
    }
}
