// SPDX-License-Identifier: MIT OR Apache-2.0
//! Commands of the card in words.

use iso7816_wire::apdu::CommandApdu;
use iso7816_wire::tlv;

/// What a command asks for, in a few words.
pub(crate) fn describe(command: &CommandApdu) -> String {
    let data = command.data.as_slice();
    match (command.ins, command.p1, command.p2) {
        (0xA4, p1, _) => select(p1, data),
        (0xB0, p1, p2) if p1 & 0x80 != 0 => {
            format!(
                "READ BINARY SFI {:02X} offset {p2}{}",
                p1 & 0x1F,
                length(command)
            )
        }
        (0xB0, p1, p2) => {
            format!(
                "READ BINARY offset {}{}",
                u16::from_be_bytes([p1, p2]),
                length(command)
            )
        }
        (0xB1, p1, p2) => format!("READ BINARY (odd) file {p1:02X}{p2:02X}{}", length(command)),
        (0xCB, ..) => format!("GET DATA {}", data_object(data)),
        (0x22, p1, p2) => format!("MANAGE SECURITY ENVIRONMENT {}", environment(p1, p2, data)),
        (0x2A, 0x00, 0xAE) => "VERIFY CERTIFICATE of the terminal".to_owned(),
        (0x84, ..) => "GET CHALLENGE".to_owned(),
        (0x82, ..) => "EXTERNAL AUTHENTICATE (terminal proves its key)".to_owned(),
        (0x88, ..) => format!("INTERNAL AUTHENTICATE over {} bytes", data.len()),
        (0x20, _, reference) if data.is_empty() => format!("VERIFY {} (status)", code(reference)),
        (0x20, _, reference) => format!("VERIFY {}", code(reference)),
        (0x24, _, reference) => format!("CHANGE REFERENCE DATA {}", code(reference)),
        (0x2C, 0x02, reference) => format!("RESET RETRY COUNTER {}, new code", code(reference)),
        (0x2C, _, reference) => format!("RESET RETRY COUNTER {}", code(reference)),
        (0xC0, ..) => format!("GET RESPONSE{}", length(command)),
        (ins, p1, p2) => format!("unknown command {ins:02X} {p1:02X}{p2:02X}"),
    }
}

fn length(command: &CommandApdu) -> String {
    match command.le {
        _ if command.le_is_max() => ", all there is".to_owned(),
        Some(le) => format!(", {le} bytes"),
        None => String::new(),
    }
}

fn select(p1: u8, data: &[u8]) -> String {
    let hex = hex::encode_upper(data);
    match (p1, hex.as_str()) {
        (0x04, "A0000000308000000009816001") => "SELECT application IAS ECC root".to_owned(),
        (0x04, "A00000000039") => "SELECT application DF CIE".to_owned(),
        (0x04, aid) if aid.starts_with("A0000002471001") => "SELECT application eMRTD".to_owned(),
        (0x04, aid) => format!("SELECT application {aid}"),
        (_, "" | "3F00") => "SELECT MF".to_owned(),
        (_, fid) => match file_name(fid) {
            Some(name) => format!("SELECT EF {fid} ({name})"),
            None => format!("SELECT file {fid}"),
        },
    }
}

fn file_name(fid: &str) -> Option<&'static str> {
    Some(match fid {
        "2F00" => "EF.DIR",
        "2F01" => "EF.ATR",
        "D003" => "EF.SN.ICC",
        "D004" => "EF.DH",
        "011C" => "EF.CardAccess",
        "1001" => "EF.ID_Servizi",
        "1002" => "EF.Seriale",
        "1003" => "EF.Cert_CIE",
        "1004" => "EF.Int.Kpub",
        "1005" => "EF.Servizi_Int.Kpub",
        "1006" => "EF.SOD",
        _ => return None,
    })
}

fn data_object(data: &[u8]) -> &'static str {
    let inside = |tags: &[u32]| tlv::path(data, tags);
    if inside(&[0x4D, 0xA6]).is_ok() {
        "public value of the card's key agreement"
    } else if let Ok(part) = inside(&[0x4D, 0x70, 0xBF_A101]) {
        match part {
            [.., 0x97, _] => "DH domain, generator",
            [.., 0x98, _] => "DH domain, prime",
            [.., 0x99, _] => "DH domain, order",
            _ => "DH domain",
        }
    } else if inside(&[0x4D, 0x70, 0xBF_A004]).is_ok() {
        "key of the terminals' authority"
    } else if inside(&[0x4D, 0x70, 0xBF_8101]).is_ok() {
        "PIN object"
    } else if inside(&[0x4D, 0x70, 0xBF_8102]).is_ok() {
        "PUK object"
    } else {
        "of an unknown object"
    }
}

fn environment(p1: u8, p2: u8, data: &[u8]) -> String {
    match (p1, p2) {
        (0x41, 0xA6) => "for key agreement".to_owned(),
        (0x41, 0xA4) => match tlv::path(data, &[0x84]) {
            Ok([key]) => format!("for INTERNAL AUTHENTICATE with key {key:02X}"),
            _ => "for INTERNAL AUTHENTICATE".to_owned(),
        },
        (0x81, 0xA4) => "for EXTERNAL AUTHENTICATE".to_owned(),
        (0x81, 0xB6) => "for VERIFY CERTIFICATE".to_owned(),
        _ => format!("{p1:02X}{p2:02X}"),
    }
}

fn code(reference: u8) -> String {
    match reference {
        0x81 => "PIN".to_owned(),
        0x82 => "PUK".to_owned(),
        _ => format!("code {reference:02X}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(apdu: &str) -> String {
        describe(&CommandApdu::parse(&hex::decode(apdu).unwrap()).unwrap())
    }

    #[test]
    fn commands_of_the_clients() {
        assert_eq!(
            words("00A4040C0DA0000000308000000009816001"),
            "SELECT application IAS ECC root"
        );
        assert_eq!(words("00A4040C06A00000000039"), "SELECT application DF CIE");
        assert_eq!(words("00A40000"), "SELECT MF");
        assert_eq!(words("00A4020C021001"), "SELECT EF 1001 (EF.ID_Servizi)");
        assert_eq!(words("00B0008080"), "READ BINARY offset 128, 128 bytes");
        assert_eq!(words("00B081000C"), "READ BINARY SFI 01 offset 0, 12 bytes");
        assert_eq!(
            words("00CB3FFF0A4D087006BFA10102A380"),
            "GET DATA DH domain"
        );
        assert_eq!(
            words("00CB3FFF0C4D0A7008BFA10104A3029800"),
            "GET DATA DH domain, prime"
        );
        assert_eq!(
            words("00CB3FFF064D04A6029100"),
            "GET DATA public value of the card's key agreement"
        );
        assert_eq!(
            words("002241A406800102840183"),
            "MANAGE SECURITY ENVIRONMENT for INTERNAL AUTHENTICATE with key 83"
        );
        assert_eq!(words("00200081083132333435363738"), "VERIFY PIN");
        assert_eq!(words("00200082"), "VERIFY PUK (status)");
        assert_eq!(words("80CA0000"), "unknown command CA 0000");
    }
}
