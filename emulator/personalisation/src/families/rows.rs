// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rows. Every ATR is one of section 1.3; grounds are those given there,
//! in section 1.4 and in choices 17, 18 and 29.

use super::Ground::{Choice, Client, Inference, RealCard};
use super::{Application, EfAtr, Evidence, Family};
use crate::sod::SodForm::{Sha256Rsa, Sha512Pss};
use hex_literal::hex;

/// Short fields only, as in ST's file.
const SHORT: [u16; 4] = [0x00FF, 0x00FF, 0x0100, 0x0100];
/// With extended length: as long as a chained command may be (choice 27).
const EXTENDED: [u16; 4] = [4096; 4];

const CHAINING: [u8; 3] = hex!("940181");
const CHAINING_AND_EXTENDED: [u8; 3] = hex!("9441C0");

/// The application that ST's file names.
const ST_AID: Application = Application::Aid(&hex!("A00000009500000000 8A0001"));

/// ST's, a fact from its first byte to its last.
const ST: EfAtr = EfAtr {
    services: 0xB9,
    pre_issuing: &hex!("00000010"),
    capabilities: CHAINING,
    application: ST_AID,
    sizes: SHORT,
};

/// ST's objects with card service data B8 and a family's own pre-issuing data
/// (choices 18 and 29).
const fn like_st(pre_issuing: &'static [u8]) -> EfAtr {
    EfAtr {
        services: 0xB8,
        pre_issuing,
        ..ST
    }
}

const GEMALTO: EfAtr = EfAtr {
    application: Application::Label(b"IasEccRoot"),
    ..like_st(&hex!("B0850400"))
};

const GEMALTO2: EfAtr = EfAtr {
    capabilities: CHAINING_AND_EXTENDED,
    sizes: EXTENDED,
    ..like_st(&hex!("B0850300"))
};

const NXP: EfAtr = like_st(&hex!("10101010"));

/// Families whose root is selected by AID: every desktop client does it.
const BY_AID: Evidence = Evidence {
    atr: Client,
    root_by_aid: Client,
    ef_atr: Client,
    extended_length: Inference,
    sod: Choice,
};

/// NXP: by AID 6A82, inferred from a client that then falls back.
const NXP_EVIDENCE: Evidence = Evidence {
    root_by_aid: Inference,
    extended_length: Choice,
    ..BY_AID
};

/// Actalis and Bit4id: known by their ATR only.
const ATR_ONLY: Evidence = Evidence {
    ef_atr: Choice,
    ..NXP_EVIDENCE
};

/// Actalis and Bit4id: one row, six ATRs.
const fn newer(
    id: &'static str,
    name: &'static str,
    atr: &'static [u8],
    pre_issuing: &'static [u8],
) -> Family {
    Family {
        id,
        name,
        atr,
        root_by_aid: false,
        ef_atr: like_st(pre_issuing),
        sod: Sha512Pss,
        evidence: ATR_ONLY,
    }
}

/// The same with an ATR that was seen on a card.
const fn seen(family: Family) -> Family {
    let evidence = Evidence {
        atr: RealCard,
        ..family.evidence
    };
    Family { evidence, ..family }
}

/// All families; the first is the default.
pub const FAMILIES: &[Family] = &[
    seen(Family {
        id: "gemalto",
        name: "Gemalto",
        atr: &hex!("3B8F8001 80318065B0850400 11120FFF829000 8A"),
        root_by_aid: true,
        ef_atr: GEMALTO,
        sod: Sha256Rsa,
        evidence: Evidence {
            extended_length: Choice,
            ..BY_AID
        },
    }),
    Family {
        id: "gemalto2",
        name: "Gemalto2",
        atr: &hex!("3B8F8001 80318065B0850300 EF120FFF829000 73"),
        root_by_aid: true,
        ef_atr: GEMALTO2,
        sod: Sha256Rsa,
        evidence: BY_AID,
    },
    Family {
        id: "nxp-14",
        name: "NXP, 14 historical bytes",
        atr: &hex!("3B8E8001 8031806549544E5850120FFF8290 F0"),
        root_by_aid: false,
        ef_atr: NXP,
        sod: Sha256Rsa,
        evidence: NXP_EVIDENCE,
    },
    Family {
        id: "nxp",
        name: "NXP, 15 historical bytes",
        atr: &hex!("3B8F8001 8031806549544E5850120FFF829000 F1"),
        root_by_aid: false,
        ef_atr: NXP,
        sod: Sha256Rsa,
        evidence: Evidence {
            atr: Inference,
            ..NXP_EVIDENCE
        },
    },
    seen(Family {
        id: "stm",
        name: "STM",
        atr: &hex!("3B8B8001 8066475000B8007F829000 2E"),
        root_by_aid: true,
        ef_atr: ST,
        sod: Sha256Rsa,
        evidence: BY_AID,
    }),
    Family {
        id: "stm2",
        name: "STM2",
        atr: &hex!("3B808001 01"),
        root_by_aid: true,
        ef_atr: ST,
        sod: Sha256Rsa,
        evidence: Evidence {
            atr: Inference,
            ..BY_AID
        },
    },
    Family {
        id: "stm3",
        name: "STM3",
        atr: &hex!("3B8B8001 8066475000B80094829000 C5"),
        root_by_aid: true,
        ef_atr: ST,
        sod: Sha256Rsa,
        evidence: BY_AID,
    },
    newer(
        "actalis",
        "Actalis",
        &hex!("3B8F8001 8031806549544A3441120FFF829000 88"),
        &hex!("49544A3441"),
    ),
    newer(
        "actalis-2023",
        "Actalis 2023",
        &hex!("3B8F8001 8031806549544A3443120FFF829000 8A"),
        &hex!("49544A3443"),
    ),
    seen(newer(
        "actalis-b946",
        "Actalis B946",
        &hex!("3B8F8001 8031806549544A344C120FFF829000 85"),
        &hex!("49544A344C"),
    )),
    newer(
        "bit4id",
        "Bit4id",
        &hex!("3B8F8001 8031806549544A3442120FFF829000 8B"),
        &hex!("49544A3442"),
    ),
    seen(newer(
        "bit4id-2023",
        "Bit4id 2023",
        &hex!("3B8F8001 8031806549544A3444120FFF829000 8D"),
        &hex!("49544A3444"),
    )),
    newer(
        "bit4id-b9547",
        "Bit4id B9547",
        &hex!("3B8F8001 8031806549544A3449120FFF829000 80"),
        &hex!("49544A3449"),
    ),
];
