// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rows. Numbers are those of the USB descriptors kept with the free CCID
//! driver (`CCID: readers/…` names the file); serials are invented, in the form
//! such readers have them.

use super::evidence::{choice, inferred, seen, source};
use super::{
    AtrForm, Cie, Detection, Driver, Elsewhere, Evidence, Exchange, Fact, Interface, ReaderModel,
    Slot, System, T0_T1, T1, Vacant,
};
use Detection::{Field, Interrupt, Polled};
use Exchange::{ExtendedApdu, ShortApdu, Tpdu};
use Interface::{Icc, Picc, Sam};

/// Every contactless reader does it unless somebody saw otherwise.
const STANDARD_ATR: Fact = inferred("PC/SC part 3");
/// Contacts give the card's own answer; no CIE comes near.
const NO_ANTENNA: Fact = source("CIE 3.0 has no contacts");
/// Three endpoints: the driver waits for the reader's interrupt; two: pcscd polls.
const ENDPOINTS: Fact = source("CCID: src/ifdhandler.c, PCSC: src/eventhandler.c");

const fn slot(
    interface: Interface,
    label: Option<&'static str>,
    exchange: Exchange,
    message: u32,
    protocols: u32,
    detection: Detection,
) -> Slot {
    Slot {
        interface,
        label,
        exchange,
        message,
        protocols,
        detection,
        vacant: Vacant::Empty,
    }
}

/// A row whose numbers are all in one descriptor.
const fn described(file: &'static str, name: Fact, cie: Fact) -> Evidence {
    Evidence {
        name,
        slots: source(file),
        attributes: source(file),
        exchange: source(file),
        detection: ENDPOINTS,
        atr: STANDARD_ATR,
        cie,
    }
}

const ACR122U_FILE: &str = "CCID: readers/ACR122U_PICC.txt";

/// The best known one, and the one people report most trouble with.
const ACR122U: ReaderModel = ReaderModel {
    id: "acr122u",
    name: "ACS ACR122U",
    driver: Driver::Ccid,
    listed: "ACS ACR122U PICC Interface",
    vendor: Some("ACS"),
    usb: Some((0x072F, 0x2200)),
    version: 0x0214,
    serial: None,
    slots: &[slot(Picc, None, ShortApdu, 271, T1, Interrupt)],
    elsewhere: &[
        Elsewhere {
            system: System::Windows,
            names: &["ACS ACR122U PICC Interface 0"],
            fact: seen("programs on GitHub; ACS's driver: ACS ACR122 0"),
        },
        Elsewhere {
            system: System::MacOs,
            names: &["ACS ACR122U PICC Interface"],
            fact: seen("Yubico/yubico-piv-tool#15; ACS's driver: ACS ACR122U"),
        },
    ],
    atr: AtrForm::Historical,
    cie: Cie::Reads,
    evidence: Evidence {
        attributes: seen("italia/cie-middleware-linux#56"),
        atr: seen("italia/cie-middleware#173"),
        ..described(
            ACR122U_FILE,
            seen("pcsc_scan output in public notes; italia/cie-middleware-linux#56: product"),
            seen("italia/cie-middleware#173, -linux#56"),
        )
    },
};

const ACR1281U_FILE: &str = "CCID: readers/ACS_ACR1281U.txt";

/// One interface with three slots: with ACS's driver all have number 00.
const ACR1281U: ReaderModel = ReaderModel {
    id: "acr1281u",
    name: "ACS ACR1281U-C1",
    driver: Driver::AcsCcid,
    listed: "ACS ACR1281 1S Dual Reader",
    vendor: Some("ACS"),
    usb: Some((0x072F, 0x2224)),
    version: 0x0504,
    serial: None,
    slots: &[
        slot(Icc, None, ExtendedApdu, 522, T0_T1, Interrupt),
        slot(Picc, None, ExtendedApdu, 522, T0_T1, Field(250)),
        Slot {
            vacant: Vacant::Mute,
            ..slot(Sam, None, ExtendedApdu, 522, T0_T1, Interrupt)
        },
    ],
    elsewhere: &[],
    atr: AtrForm::Historical,
    cie: Cie::Reads,
    evidence: Evidence {
        slots: seen("acshk/acsccid#4: third SAM, always mute; which is first inferred"),
        detection: source("ACR1281U-C1 API 1.08, 5.3.11: 8F, 250 ms"),
        atr: source("ACR1281U manual, 1.2"),
        ..described(
            ACR1281U_FILE,
            seen("acshk/acsccid#4"),
            inferred("like ACS's others"),
        )
    },
};

const MINILECTOR_V3_FILE: &str = "CCID: readers/bit4id_mlector_air_di_v3.txt";

/// All models.
pub const MODELS: &[ReaderModel] = &[
    ACR122U,
    ReaderModel {
        id: "acr122u-ats",
        name: "ACS ACR122U, firmware that gives the whole ATS",
        atr: AtrForm::WholeAts,
        cie: Cie::OlderFamilies,
        evidence: Evidence {
            name: inferred("same device"),
            attributes: inferred("same device"),
            atr: seen("italia/cie-middleware#95: first 8 bytes; ACR122T API, 3.1.2: form"),
            cie: seen("italia/cie-middleware#95; by today's lists Gemalto, NXP and STM are known"),
            ..ACR122U.evidence
        },
        ..ACR122U
    },
    ReaderModel {
        id: "acr122u-b",
        name: "ACS ACR122U with a chip of type B",
        atr: AtrForm::WholeAtqb,
        cie: Cie::UnknownAtr,
        evidence: Evidence {
            name: inferred("same device"),
            atr: seen("OpenSC/OpenSC#3736: 4 bytes change; ACR122T API, 3.1.2: form; bytes choice"),
            cie: inferred("no client lists such an ATR; no CIE of type B is known"),
            ..ACR122U.evidence
        },
        ..ACR122U
    },
    ReaderModel {
        id: "acr122u-clone",
        name: "ACS ACR122U, counterfeit",
        atr: AtrForm::Mute,
        cie: Cie::Mute,
        evidence: Evidence {
            name: inferred("sold as the original"),
            attributes: inferred("sold as the original"),
            atr: choice("it fails with the CIE; how is not told"),
            cie: seen("italia/cie-middleware-linux#98"),
            ..ACR122U.evidence
        },
        ..ACR122U
    },
    ReaderModel {
        id: "acr1252u",
        name: "ACS ACR1252U-A1",
        driver: Driver::Ccid,
        listed: "ACS ACR1252 Dual Reader",
        vendor: Some("ACS"),
        usb: Some((0x072F, 0x223B)),
        version: 0x0100,
        serial: None,
        slots: &[
            slot(
                Picc,
                Some("ACR1252 Dual Reader PICC"),
                ExtendedApdu,
                522,
                T1,
                Field(250),
            ),
            slot(
                Sam,
                Some("ACR1252 Dual Reader SAM"),
                ShortApdu,
                288,
                T0_T1,
                Interrupt,
            ),
        ],
        elsewhere: &[Elsewhere {
            system: System::MacOs,
            names: &["ACS ACR1252 1S CL Reader(1)", "ACS ACR1252 1S CL Reader(2)"],
            fact: seen("acshk/acsccid#10: ACS's driver; Apple's: ACS ACR1252 1S CL Reader PICC 0"),
        }],
        atr: AtrForm::Historical,
        cie: Cie::Reads,
        evidence: Evidence {
            detection: source("ACM1252U-Y3 manual, 5.3.9: 8B, 250 ms"),
            ..described(
                "CCID: readers/ACS_ACR1252_Dual_Reader.txt",
                seen("LudovicRousseau/PCSC#54"),
                inferred("like ACS's others"),
            )
        },
    },
    ACR1281U,
    ReaderModel {
        id: "acr1281u-b",
        name: "ACS ACR1281U-C1 with a chip of type B",
        atr: AtrForm::TypeB,
        cie: Cie::UnknownAtr,
        evidence: Evidence {
            atr: source("ACR1281U manual, 1.2: form; bytes choice"),
            cie: inferred("no client lists such an ATR; no CIE of type B is known"),
            ..ACR1281U.evidence
        },
        ..ACR1281U
    },
    ReaderModel {
        id: "acr1552u",
        name: "ACS ACR1552U",
        driver: Driver::Ccid,
        listed: "ACS ACR1552 1S CL Reader",
        vendor: Some("ACS"),
        usb: Some((0x072F, 0x2303)),
        version: 0x0100,
        serial: None,
        slots: &[
            slot(
                Picc,
                Some("ACR1552 1S CL Reader PICC"),
                ExtendedApdu,
                516,
                T0_T1,
                Interrupt,
            ),
            slot(
                Sam,
                Some("ACR1552 1S CL Reader SAM"),
                ExtendedApdu,
                516,
                T0_T1,
                Polled,
            ),
        ],
        elsewhere: &[Elsewhere {
            system: System::Windows,
            names: &["ACS ACR1552 1S CL Reader PICC 0"],
            fact: seen("a program on GitHub that lists both"),
        }],
        atr: AtrForm::Historical,
        cie: Cie::Reads,
        evidence: described(
            "CCID: readers/ACS_ACR1552U.txt",
            seen("a program on GitHub that lists both"),
            seen("italia/cie-middleware-linux#98"),
        ),
    },
    ReaderModel {
        id: "acr1581",
        name: "ACS ACR1581U-C1",
        driver: Driver::Ccid,
        listed: "ACS ACR1581 1S Dual Reader",
        vendor: Some("ACS"),
        usb: Some((0x072F, 0x2301)),
        version: 0x0105,
        serial: None,
        slots: &[
            slot(
                Picc,
                Some("ACR1581 1S Dual Reader PICC"),
                ExtendedApdu,
                516,
                T0_T1,
                Interrupt,
            ),
            slot(
                Icc,
                Some("ACR1581 1S Dual Reader ICC"),
                ExtendedApdu,
                516,
                T0_T1,
                Interrupt,
            ),
            slot(
                Sam,
                Some("ACR1581 1S Dual Reader SAM"),
                ExtendedApdu,
                516,
                T0_T1,
                Polled,
            ),
        ],
        elsewhere: &[],
        atr: AtrForm::Historical,
        cie: Cie::Reads,
        evidence: Evidence {
            slots: seen("M0Rf30/cie-middleware-linux#103"),
            atr: seen("M0Rf30/cie-middleware-linux#103"),
            ..described(
                "CCID: readers/ACS_ACR1581.txt",
                seen("M0Rf30/cie-middleware-linux#103"),
                seen("M0Rf30/cie-middleware-linux#103: ATR and card state"),
            )
        },
    },
    ReaderModel {
        id: "minilector-air-nfc",
        name: "Bit4id miniLector AIR NFC v3",
        driver: Driver::Ccid,
        listed: "BIT4ID miniLector AIR NFC v3",
        vendor: Some("BIT4ID"),
        usb: Some((0x25DD, 0x3403)),
        version: 0x0351,
        serial: None,
        slots: &[slot(
            Picc,
            Some("miniLector AIR DI v3 CLESS"),
            ExtendedApdu,
            271,
            T1,
            Interrupt,
        )],
        elsewhere: &[
            Elsewhere {
                system: System::Windows,
                names: &["BIT4ID miniLector AIR NFC v3 0"],
                fact: seen("italia/cie-middleware#158"),
            },
            Elsewhere {
                system: System::MacOs,
                names: &["BIT4ID miniLector AIR NFC v3"],
                fact: seen("italia/cie-middleware-macos#66"),
            },
        ],
        atr: AtrForm::Historical,
        cie: Cie::Reads,
        evidence: described(
            "CCID: readers/BIT4ID_miniLector_AIR_NFC_v3.txt",
            source("CCID: readers/BIT4ID_miniLector_AIR_NFC_v3.txt, supported_readers.txt"),
            seen("italia/cie-middleware-macos#66: powered and negotiated"),
        ),
    },
    ReaderModel {
        id: "minilector-air-evo",
        name: "Bit4id miniLector AIR EVO",
        driver: Driver::Ccid,
        listed: "Bit4id miniLector AIR EVO",
        vendor: Some("Bit4id"),
        usb: Some((0x25DD, 0x3211)),
        version: 0x0101,
        serial: None,
        slots: &[slot(
            Picc,
            Some("CCID mLectorAir"),
            Tpdu,
            250,
            T1,
            Interrupt,
        )],
        elsewhere: &[],
        atr: AtrForm::Historical,
        cie: Cie::Reads,
        evidence: described(
            "CCID: readers/bit4id_minilector-AIR.txt",
            source("CCID: readers/bit4id_minilector-AIR.txt, supported_readers.txt"),
            inferred("contactless, T=1"),
        ),
    },
    ReaderModel {
        id: "minilector-air-di",
        name: "Bit4id miniLector AIR DI v3",
        driver: Driver::Ccid,
        listed: "BIT4ID mLector AIR DI V3",
        vendor: Some("BIT4ID"),
        usb: Some((0x25DD, 0x3503)),
        version: 0x0351,
        serial: None,
        slots: &[
            slot(
                Picc,
                Some("miniLector AIR DI v3 CLESS"),
                ExtendedApdu,
                271,
                T1,
                Interrupt,
            ),
            slot(
                Icc,
                Some("miniLector AIR DI v3 Contact"),
                Tpdu,
                271,
                T0_T1,
                Interrupt,
            ),
            slot(
                Sam,
                Some("miniLector AIR DI v3 SAM1"),
                Tpdu,
                271,
                T0_T1,
                Polled,
            ),
            slot(
                Sam,
                Some("miniLector AIR DI v3 SAM2"),
                Tpdu,
                271,
                T0_T1,
                Polled,
            ),
        ],
        elsewhere: &[],
        atr: AtrForm::Historical,
        cie: Cie::Reads,
        evidence: described(
            MINILECTOR_V3_FILE,
            source("CCID: readers/bit4id_mlector_air_di_v3.txt, supported_readers.txt"),
            inferred("same antenna part as the AIR NFC v3"),
        ),
    },
    ReaderModel {
        id: "minilector-evo",
        name: "Bit4id miniLector EVO",
        driver: Driver::Ccid,
        listed: "bit4id miniLector-EVO",
        vendor: Some("bit4id"),
        usb: Some((0x25DD, 0x3111)),
        version: 0x0111,
        serial: None,
        slots: &[slot(
            Icc,
            Some("miniLector-EVO"),
            Tpdu,
            271,
            T0_T1,
            Interrupt,
        )],
        elsewhere: &[Elsewhere {
            system: System::Windows,
            names: &["BIT4ID miniLector EVO 0"],
            fact: seen("PeculiarVentures/fortify#294"),
        }],
        atr: AtrForm::Historical,
        cie: Cie::ContactOnly,
        evidence: Evidence {
            atr: NO_ANTENNA,
            ..described(
                "CCID: readers/bit4id_minilector.txt",
                seen("OpenSC/OpenSC#2313, where an older driver has Bit4id miniLector"),
                NO_ANTENNA,
            )
        },
    },
    ReaderModel {
        id: "utrust-3700f",
        name: "Identiv uTrust 3700 F",
        driver: Driver::Ccid,
        listed: "Identiv uTrust 3700 F CL Reader",
        vendor: Some("Identiv"),
        usb: Some((0x04E6, 0x5790)),
        version: 0x0102,
        serial: Some("55020000000001"),
        slots: &[slot(
            Picc,
            Some("uTrust 3700 F CL Reader"),
            ExtendedApdu,
            1034,
            T0_T1,
            Interrupt,
        )],
        elsewhere: &[Elsewhere {
            system: System::Windows,
            names: &["Identiv uTrust 3700 F CL Reader 0"],
            fact: seen("danm-de/pcsc-sharp#13"),
        }],
        atr: AtrForm::Historical,
        cie: Cie::Reads,
        evidence: described(
            "CCID: readers/Identiv_uTrust_3700_F_CL_Reader.txt",
            seen("LedgerHQ/ledger-u2f-javacard#11"),
            seen("italia/cie-mrtd-dotnet-sdk#9: answers up to the fourth step of PACE"),
        ),
    },
    ReaderModel {
        id: "utrust-4701f",
        name: "Identiv uTrust 4701 F",
        driver: Driver::Ccid,
        listed: "Identiv Identiv uTrust 4701 F Dual Interface Reader",
        vendor: Some("Identiv"),
        usb: Some((0x04E6, 0x5724)),
        version: 0x0104,
        serial: Some("55040000000001"),
        slots: &[
            slot(
                Icc,
                Some("uTrust 4701 F Contact Reader"),
                Tpdu,
                271,
                T0_T1,
                Interrupt,
            ),
            slot(
                Picc,
                Some("uTrust 4701 F CL Reader"),
                ExtendedApdu,
                1034,
                T0_T1,
                Interrupt,
            ),
        ],
        elsewhere: &[],
        atr: AtrForm::Historical,
        cie: Cie::Reads,
        evidence: Evidence {
            slots: seen("output of opensc-tool in public documentation"),
            ..described(
                "CCID: readers/Identiv_Identiv_uTrust_4701_F_Dual_Interface_Reader.txt",
                seen("output of opensc-tool in public documentation"),
                inferred("contactless, T=1"),
            )
        },
    },
    ReaderModel {
        id: "smartos",
        name: "Identiv SmartOS (Atlantis P005-CIED331C)",
        driver: Driver::Ccid,
        listed: "Identiv Identiv SmartOS Reader",
        vendor: Some("Identiv"),
        usb: Some((0x04E6, 0x5727)),
        version: 0x0108,
        serial: None,
        slots: &[
            slot(
                Icc,
                Some("SmartOS Contact Reader"),
                Tpdu,
                271,
                T0_T1,
                Interrupt,
            ),
            slot(
                Picc,
                Some("SmartOS Contactless Reader"),
                ExtendedApdu,
                1034,
                T0_T1,
                Interrupt,
            ),
        ],
        elsewhere: &[],
        atr: AtrForm::Historical,
        cie: Cie::Reads,
        evidence: described(
            "CCID: readers/Identiv_SmartOS_Reader.txt",
            source("CCID: readers/Identiv_SmartOS_Reader.txt, supported_readers.txt"),
            seen("LudovicRousseau/CCID#160: sold in Italy for CIE and CNS"),
        ),
    },
    ReaderModel {
        id: "omnikey-5022",
        name: "HID OMNIKEY 5022 CL",
        driver: Driver::Ccid,
        listed: "HID Global OMNIKEY 5022 Smart Card Reader",
        vendor: Some("HID Global"),
        usb: Some((0x076B, 0x5022)),
        version: 0x0101,
        serial: Some("KN0A0A00NF10000001"),
        slots: &[slot(
            Picc,
            Some("OMNIKEY 5022 Smart Card Reader"),
            ExtendedApdu,
            520,
            T0_T1,
            Interrupt,
        )],
        elsewhere: &[Elsewhere {
            system: System::Windows,
            names: &["HID Global OMNIKEY 5022 Smart Card Reader 0"],
            fact: seen("programs on GitHub"),
        }],
        atr: AtrForm::Historical,
        cie: Cie::Reads,
        evidence: described(
            "CCID: readers/HID_Global_OMNIKEY_5022_Smart_Card_Reader.txt",
            inferred("descriptor, and a serial as the 5422 has one"),
            inferred("contactless, T=1"),
        ),
    },
    ReaderModel {
        id: "omnikey-5422",
        name: "HID OMNIKEY 5422",
        driver: Driver::Ccid,
        listed: "HID Global OMNIKEY 5422 Smartcard Reader",
        vendor: Some("HID Global"),
        usb: Some((0x076B, 0x5422)),
        version: 0x0101,
        serial: Some("IM0A0A00NF10000001"),
        slots: &[
            slot(
                Picc,
                Some("OMNIKEY 5422CL Smartcard Reader"),
                ExtendedApdu,
                520,
                T0_T1,
                Interrupt,
            ),
            slot(
                Icc,
                Some("OMNIKEY 5422 Smartcard Reader"),
                ExtendedApdu,
                520,
                T0_T1,
                Interrupt,
            ),
        ],
        elsewhere: &[],
        atr: AtrForm::Historical,
        cie: Cie::Reads,
        evidence: described(
            "CCID: readers/HID_OMNIKEY_5422.txt",
            seen("names in programs on GitHub"),
            inferred("contactless, T=1"),
        ),
    },
    ReaderModel {
        id: "cyberjack-rfid",
        name: "REINER SCT cyberJack RFID basis",
        driver: Driver::Ccid,
        listed: "REINER SCT cyberJack RFID basis",
        vendor: Some("REINER SCT"),
        usb: Some((0x0C4B, 0x9102)),
        version: 0x0001,
        serial: None,
        slots: &[slot(Picc, None, ExtendedApdu, 266, T1, Interrupt)],
        elsewhere: &[Elsewhere {
            system: System::Windows,
            names: &["REINER SCT cyberJack RFID basis 0"],
            fact: inferred("programs look for this beginning"),
        }],
        atr: AtrForm::Historical,
        cie: Cie::Reads,
        evidence: described(
            "CCID: readers/ReinerSCT_cyberJack_RFID_basis.txt",
            inferred("programs look for this beginning; interface and serial not told"),
            seen("a CIE reading program names it as tested; PCSC#105: one did not open"),
        ),
    },
    ReaderModel {
        id: "prox-du",
        name: "Gemalto Prox-DU",
        driver: Driver::Ccid,
        listed: "Gemalto Prox Dual USB PC Link Reader",
        vendor: Some("Gemalto"),
        usb: Some((0x08E6, 0x5503)),
        version: 0x0100,
        serial: Some("10500001"),
        slots: &[
            slot(
                Picc,
                Some("Prox-DU Contactless_10500001"),
                ExtendedApdu,
                512,
                T0_T1,
                Interrupt,
            ),
            slot(
                Icc,
                Some("Prox-DU Contact_10500001"),
                Tpdu,
                271,
                T0_T1,
                Interrupt,
            ),
        ],
        elsewhere: &[
            Elsewhere {
                system: System::Windows,
                names: &[
                    "Gemalto Prox-DU Contactless_10500001 0",
                    "Gemalto Prox-DU Contact_10500001 0",
                ],
                fact: seen("names in programs on GitHub"),
            },
            Elsewhere {
                system: System::MacOs,
                names: &[
                    "Gemalto Prox Dual USB PC Link Reader(1)",
                    "Gemalto Prox Dual USB PC Link Reader(2)",
                ],
                fact: seen("Yubico/yubico-piv-tool#15"),
            },
        ],
        atr: AtrForm::Historical,
        cie: Cie::Reads,
        evidence: described(
            "CCID: readers/GemProxDU.txt",
            source("CCID: readers/GemProxDU.txt; PCSC: src/hotplug_libudev.c"),
            inferred("contactless, T=1"),
        ),
    },
    ReaderModel {
        id: "broadcom-58200",
        name: "Dell ControlVault 3 (Broadcom 58200), NFC switched on",
        driver: Driver::Ccid,
        listed: "Broadcom Corp 58200",
        vendor: Some("Broadcom Corp"),
        usb: Some((0x0A5C, 0x5843)),
        version: 0x0101,
        serial: Some("0123456789ABCD"),
        slots: &[
            slot(
                Icc,
                Some("Contacted SmartCard"),
                Tpdu,
                271,
                T0_T1,
                Interrupt,
            ),
            slot(
                Picc,
                Some("Contactless SmartCard"),
                ShortApdu,
                512,
                T0_T1,
                Interrupt,
            ),
        ],
        elsewhere: &[],
        atr: AtrForm::Historical,
        cie: Cie::Reads,
        evidence: Evidence {
            slots: seen("jacekkow/controlvault2-nfc-enable#25"),
            ..described(
                "CCID: readers/Broadcom_58200_0x5843.txt",
                seen("jacekkow/controlvault2-nfc-enable#25"),
                inferred("contactless, T=1; without that tool no card is noticed on Linux"),
            )
        },
    },
    ReaderModel {
        id: "sony-rc-s300",
        name: "Sony PaSoRi RC-S300/P",
        driver: Driver::Ccid,
        listed: "SONY FeliCa RC-S300/P",
        vendor: Some("SONY"),
        usb: Some((0x054C, 0x0DC9)),
        version: 0x0100,
        serial: Some("0200001"),
        slots: &[slot(Picc, None, ExtendedApdu, 522, T1, Interrupt)],
        elsewhere: &[],
        atr: AtrForm::Historical,
        cie: Cie::Reads,
        evidence: described(
            "CCID: readers/SONY_FeliCa_RC-S300_P.txt",
            seen("nfc-tools/libnfc#728"),
            inferred("contactless, T=1"),
        ),
    },
    ReaderModel {
        id: "scl011",
        name: "SCM SCL011",
        driver: Driver::Ccid,
        listed: "SCM Microsystems Inc. SCL01x Contactless Reader",
        vendor: Some("SCM Microsystems Inc."),
        usb: Some((0x04E6, 0x5293)),
        version: 0x0112,
        serial: Some("21160000000001"),
        slots: &[slot(
            Picc,
            Some("SCL01x Contactless Reader"),
            ExtendedApdu,
            262,
            T0_T1,
            Interrupt,
        )],
        elsewhere: &[],
        atr: AtrForm::Historical,
        cie: Cie::Reads,
        evidence: described(
            "CCID: readers/SCM_SCL011.txt",
            inferred("descriptor, and a serial as the maker's others have one"),
            inferred("long messages go through (PCSC#106), unlike with its sister SCL3711"),
        ),
    },
    ReaderModel {
        id: "android-vpcd",
        name: "NFC of an Android phone (Remote Smart Card Reader) through vpcd 0.8",
        driver: Driver::Vpcd,
        listed: "Virtual PCD",
        vendor: None,
        usb: None,
        version: 0,
        serial: None,
        slots: &[
            slot(Picc, None, Exchange::Network, 65_545, T0_T1, Polled),
            slot(Picc, None, Exchange::Network, 65_545, T0_T1, Polled),
        ],
        elsewhere: &[],
        atr: AtrForm::Historical,
        cie: Cie::NoAtrAttribute,
        evidence: Evidence {
            name: seen("frankmorgner/vsmartcard#44"),
            slots: source("vsmartcard: src/ifd-vpcd"),
            attributes: seen("pcscd 1.9.9 with vpcd 0.8, see pcsc-differences.md; it knows none"),
            exchange: source("vsmartcard: src/ifd-vpcd/ifd-vpcd.c"),
            detection: source("PCSC: src/eventhandler.c"),
            atr: source("vsmartcard: remote-reader, NFCReader.java"),
            cie: seen("frankmorgner/vsmartcard#201"),
        },
    },
];
