// SPDX-License-Identifier: MIT OR Apache-2.0
use super::*;
use hex_literal::hex;
use iso7816_wire::tlv;
use std::collections::HashSet;

#[test]
fn every_atr_is_well_formed() {
    for family in FAMILIES {
        let (tck, body) = family.atr.split_last().unwrap();
        let sum = body[1..].iter().fold(0, |x, byte| x ^ byte);
        assert_eq!(sum, *tck, "{}: TCK", family.id);
        let head = (body[0], &body[2..4]);
        assert_eq!(head, (0x3B, &hex!("8001")[..]), "{}", family.id);
        let historical = usize::from(body[1] & 0x0F);
        assert_eq!(historical, body.len() - 4, "{}", family.id);
    }
}

/// Section 1.3 and choice 29: thirteen families, no two alike, and the ATR of
/// zeros is none of them.
#[test]
fn the_families_are_those_of_the_table() {
    let ids: HashSet<_> = FAMILIES.iter().map(|family| family.id).collect();
    let atrs: HashSet<_> = FAMILIES.iter().map(|family| family.atr).collect();
    assert_eq!((FAMILIES.len(), ids.len(), atrs.len()), (13, 13, 13));
    let zeros = hex!("0000000000000000000000FF829000");
    assert!(FAMILIES.iter().all(|f| !f.atr.ends_with(&zeros[..14])));
    assert_eq!(family("gemalto"), FAMILIES.first());
    assert_eq!(family("acme"), None);
}

/// The way desktop clients find a family (section 1.3): an entry is a sorted
/// multiset within the whole ATR, and the first that fits wins. Bytes of the
/// entries are the historical ones without their end, in the clients' order.
#[test]
fn clients_recognise_every_family_but_the_newest() {
    const ENTRIES: &[(&str, &[u8])] = &[
        ("nxp", &hex!("8031806549544E5850120FFF8290")),
        ("gemalto", &hex!("80318065B085040011120FFF829000")),
        ("gemalto2", &hex!("80318065B0850300EF120FFF829000")),
        ("stm", &hex!("8066475000B8007F829000")),
        ("stm2", &hex!("80800101")),
        ("stm3", &hex!("8066475000B80094829000C5")),
        ("actalis", &hex!("8031806549544A3441120FFF82900088")),
        ("actalis-2023", &hex!("8031806549544A3443120FFF8290008A")),
        ("bit4id", &hex!("8031806549544A3442120FFF8290008B")),
        ("bit4id-2023", &hex!("8031806549544A3444120FFF8290008D")),
        ("bit4id-b9547", &hex!("8031806549544A3449120FFF82900080")),
    ];
    let within = |entry: &[u8], atr: &[u8]| {
        let count = |bytes: &[u8], b| bytes.iter().filter(|x| **x == b).count();
        entry.iter().all(|b| count(entry, *b) <= count(atr, *b))
    };
    for family in FAMILIES {
        let found = ENTRIES.iter().find(|(_, entry)| within(entry, family.atr));
        let expected = match family.id {
            "nxp-14" => Some("nxp"),
            "actalis-b946" => None,
            id => Some(id),
        };
        assert_eq!(found.map(|(id, _)| *id), expected, "{}", family.id);
    }
}

#[test]
fn every_ef_atr_reads_as_clients_need_it() {
    for family in FAMILIES {
        let content = family.ef_atr.content();
        // Section 1.4: PN532 wants at least 33 bytes and this end.
        assert!(content.len() >= 33 && content.ends_with(&hex!("82029000")));
        let objects = &content[2..];
        let tags: Vec<_> = tlv::Reader::new(objects)
            .map(|object| object.unwrap().tag)
            .collect();
        assert_eq!((content[0], content[1]), (0x80, 0x00));
        assert!(tags.starts_with(&[0x43, 0x46, 0x47]), "{tags:X?}");
        let functions = tlv::path(objects, &[0x47]).unwrap()[2];
        assert_eq!(functions & 0x40 != 0, family.extended_length());
        // The maker's own data, if the ATR has any (choice 18).
        let own = tlv::path(objects, &[0x46]).unwrap();
        if matches!(family.ef_atr.marker(), Marker::None) {
            assert!(family.atr.windows(own.len()).any(|part| part == own));
        }
    }
    let only_extended: Vec<_> = FAMILIES.iter().filter(|f| f.extended_length()).collect();
    assert_eq!(only_extended, [family("gemalto2").unwrap()]);
}

/// Section 1.4: the known markers, each in its own families and nowhere else.
#[test]
fn markers_are_where_they_belong() {
    let holds = |data: &[u8], part: &[u8]| data.windows(part.len()).any(|w| w == part);
    let markers: [(&str, &[u8]); 4] = [
        ("gemalto", b"IasEccRoot"),
        ("gemalto2", &hex!("47039441C0")),
        ("nxp", &hex!("80004301B84604101010104703 94")),
        ("stm", &hex!("80004301B94604000000104703940181")),
    ];
    for family in FAMILIES {
        let content = family.ef_atr.content();
        let found: Vec<_> = markers
            .iter()
            .filter(|(_, part)| holds(&content, part))
            .map(|(id, _)| *id)
            .collect();
        let expected: &[&str] = match family.id {
            "gemalto" => &["gemalto"],
            "gemalto2" => &["gemalto2"],
            "nxp" | "nxp-14" => &["nxp"],
            "stm" | "stm2" | "stm3" => &["stm"],
            _ => &[],
        };
        assert_eq!(found, expected, "{}", family.id);
    }
    // ST's is known whole.
    let st = family("stm").unwrap().ef_atr.content();
    assert_eq!(st.len(), 62);
    assert_eq!(Marker::of(&st), Marker::St);
    assert_eq!(Marker::of(&st[..61]), Marker::None);
}

/// The documentation names this number.
#[test]
fn there_are_five_behaviour_classes() {
    let classes = classes();
    let members: Vec<_> = classes
        .iter()
        .map(|class| (class.id, class.families.len()))
        .collect();
    assert_eq!(members, [('A', 1), ('B', 1), ('C', 2), ('D', 3), ('E', 6)]);
    for class in &classes {
        assert!(
            class
                .families
                .iter()
                .all(|f| f.behaviour() == class.behaviour)
        );
    }
}

/// Choices 17 and 29.
#[test]
fn root_and_sod_go_with_the_makers() {
    for family in FAMILIES {
        let older = ["gemalto", "stm"]
            .iter()
            .any(|id| family.id.starts_with(id));
        let newer = ["actalis", "bit4id"]
            .iter()
            .any(|id| family.id.starts_with(id));
        assert_eq!(family.root_by_aid, older, "{}", family.id);
        assert_eq!(family.sod == SodForm::Sha512Pss, newer, "{}", family.id);
        assert_ne!(family.sod, SodForm::Sha256Sha1Rsa);
    }
}
