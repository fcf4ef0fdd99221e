// SPDX-License-Identifier: MIT OR Apache-2.0
//! The numbers PC/SC clients and readers exchange, with their public names.

/// Return values as the socket carries them.
pub mod rv {
    /// It worked.
    pub const SUCCESS: u32 = 0;
    /// Something the server did not expect; also "no more handles on this reader".
    pub const INTERNAL_ERROR: u32 = 0x8010_0001;
    /// A wait was cancelled from another connection.
    pub const CANCELLED: u32 = 0x8010_0002;
    /// Unknown context or card handle.
    pub const INVALID_HANDLE: u32 = 0x8010_0003;
    /// A limit of the server was reached.
    pub const NO_MEMORY: u32 = 0x8010_0006;
    /// The answer does not fit the client's buffer.
    pub const INSUFFICIENT_BUFFER: u32 = 0x8010_0008;
    /// No reader has this name.
    pub const UNKNOWN_READER: u32 = 0x8010_0009;
    /// Someone else holds the reader.
    pub const SHARING_VIOLATION: u32 = 0x8010_000B;
    /// The reader is empty.
    pub const NO_SMARTCARD: u32 = 0x8010_000C;
    /// The card does not speak the protocol asked for.
    pub const PROTO_MISMATCH: u32 = 0x8010_000F;
    /// An argument is outside its range.
    pub const INVALID_VALUE: u32 = 0x8010_0011;
    /// The exchange with the card failed, or no transaction was open.
    pub const NOT_TRANSACTED: u32 = 0x8010_0016;
    /// The two sides speak different protocol versions.
    pub const SERVICE_STOPPED: u32 = 0x8010_001E;
    /// Not offered by this reader. On the pcsc-lite socket this is 0x8010001F.
    pub const UNSUPPORTED_FEATURE: u32 = 0x8010_001F;
    /// The card is mute.
    pub const UNRESPONSIVE_CARD: u32 = 0x8010_0066;
    /// The card has no power.
    pub const UNPOWERED_CARD: u32 = 0x8010_0067;
    /// Another client reset the card.
    pub const RESET_CARD: u32 = 0x8010_0068;
    /// The card was taken away.
    pub const REMOVED_CARD: u32 = 0x8010_0069;
}

/// The names of return values, as in `pcsclite.h`. Where a value has two, the
/// one in use on this socket comes first.
pub const RETURN_NAMES: [(&str, u32); 61] = [
    ("SCARD_S_SUCCESS", 0x0000_0000),
    ("SCARD_F_INTERNAL_ERROR", 0x8010_0001),
    ("SCARD_E_CANCELLED", 0x8010_0002),
    ("SCARD_E_INVALID_HANDLE", 0x8010_0003),
    ("SCARD_E_INVALID_PARAMETER", 0x8010_0004),
    ("SCARD_E_INVALID_TARGET", 0x8010_0005),
    ("SCARD_E_NO_MEMORY", 0x8010_0006),
    ("SCARD_F_WAITED_TOO_LONG", 0x8010_0007),
    ("SCARD_E_INSUFFICIENT_BUFFER", 0x8010_0008),
    ("SCARD_E_UNKNOWN_READER", 0x8010_0009),
    ("SCARD_E_TIMEOUT", 0x8010_000A),
    ("SCARD_E_SHARING_VIOLATION", 0x8010_000B),
    ("SCARD_E_NO_SMARTCARD", 0x8010_000C),
    ("SCARD_E_UNKNOWN_CARD", 0x8010_000D),
    ("SCARD_E_CANT_DISPOSE", 0x8010_000E),
    ("SCARD_E_PROTO_MISMATCH", 0x8010_000F),
    ("SCARD_E_NOT_READY", 0x8010_0010),
    ("SCARD_E_INVALID_VALUE", 0x8010_0011),
    ("SCARD_E_SYSTEM_CANCELLED", 0x8010_0012),
    ("SCARD_F_COMM_ERROR", 0x8010_0013),
    ("SCARD_F_UNKNOWN_ERROR", 0x8010_0014),
    ("SCARD_E_INVALID_ATR", 0x8010_0015),
    ("SCARD_E_NOT_TRANSACTED", 0x8010_0016),
    ("SCARD_E_READER_UNAVAILABLE", 0x8010_0017),
    ("SCARD_P_SHUTDOWN", 0x8010_0018),
    ("SCARD_E_PCI_TOO_SMALL", 0x8010_0019),
    ("SCARD_E_READER_UNSUPPORTED", 0x8010_001A),
    ("SCARD_E_DUPLICATE_READER", 0x8010_001B),
    ("SCARD_E_CARD_UNSUPPORTED", 0x8010_001C),
    ("SCARD_E_NO_SERVICE", 0x8010_001D),
    ("SCARD_E_SERVICE_STOPPED", 0x8010_001E),
    ("SCARD_E_UNSUPPORTED_FEATURE", 0x8010_001F),
    ("SCARD_E_UNEXPECTED", 0x8010_001F),
    ("SCARD_E_ICC_INSTALLATION", 0x8010_0020),
    ("SCARD_E_ICC_CREATEORDER", 0x8010_0021),
    ("SCARD_E_DIR_NOT_FOUND", 0x8010_0023),
    ("SCARD_E_FILE_NOT_FOUND", 0x8010_0024),
    ("SCARD_E_NO_DIR", 0x8010_0025),
    ("SCARD_E_NO_FILE", 0x8010_0026),
    ("SCARD_E_NO_ACCESS", 0x8010_0027),
    ("SCARD_E_WRITE_TOO_MANY", 0x8010_0028),
    ("SCARD_E_BAD_SEEK", 0x8010_0029),
    ("SCARD_E_INVALID_CHV", 0x8010_002A),
    ("SCARD_E_UNKNOWN_RES_MNG", 0x8010_002B),
    ("SCARD_E_NO_SUCH_CERTIFICATE", 0x8010_002C),
    ("SCARD_E_CERTIFICATE_UNAVAILABLE", 0x8010_002D),
    ("SCARD_E_NO_READERS_AVAILABLE", 0x8010_002E),
    ("SCARD_E_COMM_DATA_LOST", 0x8010_002F),
    ("SCARD_E_NO_KEY_CONTAINER", 0x8010_0030),
    ("SCARD_E_SERVER_TOO_BUSY", 0x8010_0031),
    ("SCARD_W_UNSUPPORTED_CARD", 0x8010_0065),
    ("SCARD_W_UNRESPONSIVE_CARD", 0x8010_0066),
    ("SCARD_W_UNPOWERED_CARD", 0x8010_0067),
    ("SCARD_W_RESET_CARD", 0x8010_0068),
    ("SCARD_W_REMOVED_CARD", 0x8010_0069),
    ("SCARD_W_SECURITY_VIOLATION", 0x8010_006A),
    ("SCARD_W_WRONG_CHV", 0x8010_006B),
    ("SCARD_W_CHV_BLOCKED", 0x8010_006C),
    ("SCARD_W_EOF", 0x8010_006D),
    ("SCARD_W_CANCELLED_BY_USER", 0x8010_006E),
    ("SCARD_W_CARD_NOT_AUTHENTICATED", 0x8010_006F),
];

/// How a client shares a reader.
pub mod share {
    /// Alone.
    pub const EXCLUSIVE: u32 = 1;
    /// Together with others.
    pub const SHARED: u32 = 2;
    /// The reader itself, with or without a card; counted like a shared use.
    pub const DIRECT: u32 = 3;
}

/// Transmission protocols, as bits.
pub mod protocol {
    /// Not negotiated.
    pub const UNDEFINED: u32 = 0;
    /// T=0.
    pub const T0: u32 = 1;
    /// T=1.
    pub const T1: u32 = 2;
    /// Unformatted.
    pub const RAW: u32 = 4;
    /// Old spelling of "T=0 or T=1".
    pub const ANY_OLD: u32 = 0x1000;
}

/// What happens to the card at a disconnect, a reconnect or the end of a transaction.
pub mod disposition {
    /// Nothing.
    pub const LEAVE: u32 = 0;
    /// Warm reset.
    pub const RESET: u32 = 1;
    /// Power off (a cold reset where the client stays).
    pub const UNPOWER: u32 = 2;
    /// Eject; no reader here can, so nothing happens, like on a real one.
    pub const EJECT: u32 = 3;
}

/// Who asks for a context.
pub mod scope {
    /// The largest scope number that exists (user 0, terminal 1, system 2, global 3).
    pub const LAST: u32 = 3;
}

/// Bits of a reader's state.
pub mod state {
    /// No card.
    pub const ABSENT: u32 = 0x02;
    /// A card.
    pub const PRESENT: u32 = 0x04;
    /// The card is mute.
    pub const SWALLOWED: u32 = 0x08;
    /// The card has power.
    pub const POWERED: u32 = 0x10;
    /// The card answered to reset.
    pub const NEGOTIABLE: u32 = 0x20;
}

/// Attributes of a reader.
pub mod attribute {
    /// Who makes the reader (text, NUL-terminated).
    pub const VENDOR_NAME: u32 = 0x0001_0100;
    /// The model (text, NUL-terminated).
    pub const VENDOR_IFD_TYPE: u32 = 0x0001_0101;
    /// The version, 0xMMmmbbbb.
    pub const VENDOR_IFD_VERSION: u32 = 0x0001_0102;
    /// The serial number (text, NUL-terminated).
    pub const VENDOR_IFD_SERIAL_NO: u32 = 0x0001_0103;
    /// Kind and number of the channel, 0xDDDDCCCC.
    pub const CHANNEL_ID: u32 = 0x0002_0110;
    /// One byte: 0 no card, 2 a card in place.
    pub const ICC_PRESENCE: u32 = 0x0009_0300;
    /// One byte: whether a card is in contact.
    pub const ICC_INTERFACE_STATUS: u32 = 0x0009_0301;
    /// The answer to reset. The clients of this card read it from here only (card facts, section 11).
    pub const ATR_STRING: u32 = 0x0009_0303;
    /// Largest command buffer.
    pub const MAXINPUT: u32 = 0x0007_A007;
    /// Name of the reader (text, NUL-terminated).
    pub const DEVICE_FRIENDLY_NAME: u32 = 0x7FFF_0003;
    /// System name of the reader; the same here.
    pub const DEVICE_SYSTEM_NAME: u32 = 0x7FFF_0004;
}

/// Control codes and what belongs to them (PC/SC part 10).
pub mod control {
    /// "Which features do you have?"
    pub const GET_FEATURE_REQUEST: u32 = 0x4200_0000 + 3400;
    /// The same question as Windows programs number it; drivers answer both.
    pub const GET_FEATURE_REQUEST_WINDOWS: u32 = 0x0031_3520;
    /// The driver's escape command.
    pub const VENDOR_IFD_EXCHANGE: u32 = 0x4200_0001;
    /// Tag of the feature that lists properties.
    pub const FEATURE_GET_TLV_PROPERTIES: u8 = 0x12;
    /// The control code this server announces for the property list.
    pub const GET_TLV_PROPERTIES: u32 = 0x4233_0012;
}
