// SPDX-License-Identifier: MIT OR Apache-2.0
//! Numbers of PC/SC as the words scenarios and transcripts use.

/// The reader of slot 0, as Debian's vpcd names it.
pub const READER_0: &str = "Virtual PCD 00 00";
/// The reader of slot 1.
pub const READER_1: &str = "Virtual PCD 00 01";
/// The pseudo-reader that tells of readers that come and go.
pub const PNP: &str = "\\\\?PnP?\\Notification";

const RESULTS: [(u32, &str); 24] = [
    (0, "ok"),
    (0x8010_0001, "INTERNAL_ERROR"),
    (0x8010_0002, "CANCELLED"),
    (0x8010_0003, "INVALID_HANDLE"),
    (0x8010_0004, "INVALID_PARAMETER"),
    (0x8010_0006, "NO_MEMORY"),
    (0x8010_0008, "INSUFFICIENT_BUFFER"),
    (0x8010_0009, "UNKNOWN_READER"),
    (0x8010_000A, "TIMEOUT"),
    (0x8010_000B, "SHARING_VIOLATION"),
    (0x8010_000C, "NO_SMARTCARD"),
    (0x8010_000F, "PROTO_MISMATCH"),
    (0x8010_0011, "INVALID_VALUE"),
    (0x8010_0013, "COMM_ERROR"),
    (0x8010_0016, "NOT_TRANSACTED"),
    (0x8010_0017, "READER_UNAVAILABLE"),
    (0x8010_001D, "NO_SERVICE"),
    (0x8010_001E, "SERVICE_STOPPED"),
    (0x8010_001F, "UNSUPPORTED_FEATURE"),
    (0x8010_002E, "NO_READERS_AVAILABLE"),
    (0x8010_0066, "W_UNRESPONSIVE_CARD"),
    (0x8010_0067, "W_UNPOWERED_CARD"),
    (0x8010_0068, "W_RESET_CARD"),
    (0x8010_0069, "W_REMOVED_CARD"),
];

/// Numbers that have a word in scenarios.
const NUMBERS: [(&str, u64); 55] = [
    ("excl", 1),
    ("shared", 2),
    ("direct", 3),
    ("none", 0),
    ("T0", 1),
    ("T1", 2),
    ("any", 3),
    ("raw", 4),
    ("T15", 8),
    ("old", 0x1000),
    ("leave", 0),
    ("reset", 1),
    ("unpower", 2),
    ("eject", 3),
    ("inf", 0xFFFF_FFFF),
    ("VENDOR_NAME", 0x1_0100),
    ("VENDOR_IFD_TYPE", 0x1_0101),
    ("VENDOR_IFD_VERSION", 0x1_0102),
    ("VENDOR_IFD_SERIAL_NO", 0x1_0103),
    ("CHANNEL_ID", 0x2_0110),
    ("ASYNC_PROTOCOL_TYPES", 0x3_0120),
    ("DEFAULT_CLK", 0x3_0121),
    ("MAX_CLK", 0x3_0122),
    ("DEFAULT_DATA_RATE", 0x3_0123),
    ("MAX_DATA_RATE", 0x3_0124),
    ("MAX_IFSD", 0x3_0125),
    ("SYNC_PROTOCOL_TYPES", 0x3_0126),
    ("POWER_MGMT_SUPPORT", 0x4_0131),
    ("USER_TO_CARD_AUTH_DEVICE", 0x5_0140),
    ("USER_AUTH_INPUT_DEVICE", 0x5_0142),
    ("CHARACTERISTICS", 0x6_0150),
    ("CURRENT_PROTOCOL_TYPE", 0x8_0201),
    ("CURRENT_CLK", 0x8_0202),
    ("CURRENT_F", 0x8_0203),
    ("CURRENT_D", 0x8_0204),
    ("CURRENT_N", 0x8_0205),
    ("CURRENT_W", 0x8_0206),
    ("CURRENT_IFSC", 0x8_0207),
    ("CURRENT_IFSD", 0x8_0208),
    ("CURRENT_BWT", 0x8_0209),
    ("CURRENT_CWT", 0x8_020A),
    ("CURRENT_EBC_ENCODING", 0x8_020B),
    ("EXTENDED_BWT", 0x8_020C),
    ("ICC_PRESENCE", 0x9_0300),
    ("ICC_INTERFACE_STATUS", 0x9_0301),
    ("CURRENT_IO_STATE", 0x9_0302),
    ("ATR_STRING", 0x9_0303),
    ("ICC_TYPE_PER_ATR", 0x9_0304),
    ("ESC_RESET", 0x7_A000),
    ("ESC_CANCEL", 0x7_A003),
    ("ESC_AUTHREQUEST", 0x7_A005),
    ("MAXINPUT", 0x7_A007),
    ("DEVICE_UNIT", 0x7FFF_0001),
    ("DEVICE_FRIENDLY_NAME", 0x7FFF_0003),
    ("DEVICE_SYSTEM_NAME", 0x7FFF_0004),
];

const STATES: [(u64, &str); 11] = [
    (0x0001, "ignore"),
    (0x0002, "changed"),
    (0x0004, "unknown"),
    (0x0008, "unavailable"),
    (0x0010, "empty"),
    (0x0020, "present"),
    (0x0040, "atrmatch"),
    (0x0080, "exclusive"),
    (0x0100, "inuse"),
    (0x0200, "mute"),
    (0x0400, "unpowered"),
];

const STATUS: [(u64, &str); 7] = [
    (0x01, "unknown"),
    (0x02, "absent"),
    (0x04, "present"),
    (0x08, "swallowed"),
    (0x10, "powered"),
    (0x20, "negotiable"),
    (0x40, "specific"),
];

/// A result code as a word.
#[must_use]
pub fn result(code: u32) -> String {
    RESULTS
        .iter()
        .find(|(number, _)| *number == code)
        .map_or_else(|| format!("{code:#010X}"), |(_, word)| (*word).to_owned())
}

/// A number of a scenario: a word, `0x…` or decimal.
#[must_use]
pub fn number(word: &str) -> Option<u64> {
    let named = NUMBERS.iter().find(|(name, _)| *name == word);
    match (named, word.strip_prefix("0x")) {
        (Some((_, number)), _) => Some(*number),
        (None, Some(digits)) => u64::from_str_radix(digits, 16).ok(),
        (None, None) => word.parse().ok(),
    }
}

/// A reader of a scenario; `null` is no name at all.
#[must_use]
pub fn reader(word: &str) -> Option<String> {
    match word {
        "R0" => Some(READER_0.to_owned()),
        "R1" => Some(READER_1.to_owned()),
        "PNP" => Some(PNP.to_owned()),
        "null" => None,
        "long" => Some("x".repeat(200)),
        "nothing" => Some(String::new()),
        other => Some(other.to_owned()),
    }
}

/// Names of readers in a text, shortened.
#[must_use]
pub fn shorten(text: &str) -> String {
    text.replace(READER_0, "R0").replace(READER_1, "R1")
}

/// State flags of a scenario: `0`, numbers, or words joined by `+`.
#[must_use]
pub fn state(words: &str) -> Option<u64> {
    words.split('+').try_fold(0, |all, word| {
        let named = STATES.iter().find(|(_, name)| *name == word);
        let bits = named.map(|(bits, _)| *bits).or_else(|| number(word))?;
        Some(all | bits)
    })
}

fn flags(names: &[(u64, &str)], value: u64) -> String {
    let low = value & 0xFFFF;
    let mut words: Vec<String> = names
        .iter()
        .filter(|(bit, _)| low & bit != 0)
        .map(|(_, name)| (*name).to_owned())
        .collect();
    let known = names.iter().fold(0, |all, (bit, _)| all | bit);
    if low & !known != 0 {
        words.push(format!("{:#x}", low & !known));
    }
    if words.is_empty() {
        words.push("0".to_owned());
    }
    format!("{}#{}", words.join("+"), value >> 16)
}

/// An event state of `SCardGetStatusChange`: flags, then `#` and the event counter.
#[must_use]
pub fn event_state(value: u64) -> String {
    flags(&STATES, value)
}

/// A state of `SCardStatus`: flags, then `#` and the event counter.
#[must_use]
pub fn status_state(value: u64) -> String {
    flags(&STATUS, value)
}

/// Bytes as hexadecimal digits, the middle of long ones left out.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digits = |bytes: &[u8]| {
        bytes
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect::<String>()
    };
    match (bytes.get(..8), bytes.get(bytes.len().saturating_sub(8)..)) {
        (Some(head), Some(tail)) if bytes.len() > 40 => {
            format!("{}..{}({})", digits(head), digits(tail), bytes.len())
        }
        _ => digits(bytes),
    }
}

/// Hexadecimal digits as bytes; `xx*n` repeats a byte.
#[must_use]
pub fn bytes(word: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for part in word.split(',') {
        if let Some((byte, count)) = part.split_once('*') {
            let byte = u8::from_str_radix(byte, 16).ok()?;
            out.resize(out.len() + count.parse::<usize>().ok()?, byte);
            continue;
        }
        for at in (0..part.len()).step_by(2) {
            out.push(u8::from_str_radix(part.get(at..at + 2)?, 16).ok()?);
        }
    }
    Some(out)
}
