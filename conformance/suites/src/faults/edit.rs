// SPDX-License-Identifier: MIT OR Apache-2.0
//! What is made of the content of a file or of a plain answer, drawn by
//! proptest's strategies. What is simpler stands first.

use super::tree::{Body, Node, encode, follow, length, parse, ways};
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::strategy::{BoxedStrategy, Just, Strategy, Union};
use std::fmt;

/// The most bytes that a file can have (READ BINARY, offsets of 15 bits).
pub(crate) const LONGEST: usize = 0x7FFF;

/// Some bytes, so many times.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Repeated {
    unit: Vec<u8>,
    times: usize,
}

impl Repeated {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.unit.repeat(self.times);
        bytes.truncate(LONGEST);
        bytes
    }
}

impl fmt::Debug for Repeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Repeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = self.unit.escape_ascii();
        match self.times {
            1 => write!(f, "\"{unit}\""),
            times => write!(f, "\"{unit}\" {times} times"),
        }
    }
}

/// Which data objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Any,
    /// Character strings.
    Text,
    /// INTEGER.
    Number,
    /// UTCTime and GeneralizedTime.
    Time,
}

impl Kind {
    fn has(self, node: &Node) -> bool {
        let tag = node.tag.first().copied().unwrap_or(0);
        match self {
            Self::Any => true,
            Self::Text => matches!(tag, 0x0C | 0x12..=0x16 | 0x19..=0x1E),
            Self::Number => tag == 0x02,
            Self::Time => matches!(tag, 0x17 | 0x18),
        }
    }
}

/// What is done to a data object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is not there.
    Gone,
    /// It is there twice.
    Twice,
    /// This is its value; the lengths around it are right.
    Value(Repeated),
    /// Its length says so many bytes more or fewer.
    Off(isize),
    /// These bytes are its length.
    Length(Vec<u8>),
    /// These bytes are its tag.
    Tag(Vec<u8>),
    /// Its value lies in so many sequences.
    Deep(usize),
}

/// One change of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    /// The content is this.
    Whole(Repeated),
    /// The content is cut or goes on with this byte, to so many bytes.
    Size(usize, u8),
    /// One of the data objects of a kind, counted round and round, changes.
    Object(Kind, usize, Change),
}

impl Edit {
    /// The content after it, and what it did, in words.
    pub(crate) fn apply(&self, content: &[u8]) -> (Vec<u8>, String) {
        let (mut bytes, words) = match self {
            Self::Whole(text) => (text.bytes(), format!("the content is {text}")),
            Self::Size(size, fill) => {
                let mut bytes = content.to_vec();
                bytes.resize(*size, *fill);
                let grown = *size > content.len();
                let with = if grown {
                    format!(" with {fill:02X}")
                } else {
                    String::new()
                };
                (
                    bytes,
                    format!("{} bytes become {size}{with}", content.len()),
                )
            }
            Self::Object(kind, index, change) => object(content, *kind, *index, change),
        };
        bytes.truncate(LONGEST);
        (bytes, words)
    }
}

/// The same edits with this name instead of [`OUTSIDE`].
pub(crate) fn named(edits: &[Edit], name: &str) -> Vec<Edit> {
    let mut edits = edits.to_vec();
    for edit in &mut edits {
        let (Edit::Whole(text) | Edit::Object(_, _, Change::Value(text))) = edit else {
            continue;
        };
        let found = text.unit.windows(OUTSIDE.len());
        let found = found
            .into_iter()
            .position(|part| part == OUTSIDE.as_bytes());
        if let Some(at) = found {
            let place = at..at + OUTSIDE.len();
            text.unit.splice(place, name.bytes());
        }
    }
    edits
}

/// One after the other.
pub(crate) fn apply_all(edits: &[Edit], content: &[u8]) -> (Vec<u8>, String) {
    let mut content = content.to_vec();
    let mut words = Vec::new();
    for edit in edits {
        let done;
        (content, done) = edit.apply(&content);
        words.push(done);
    }
    (content, words.join(", then "))
}

fn object(content: &[u8], kind: Kind, index: usize, change: &Change) -> (Vec<u8>, String) {
    let mut nodes = parse(content);
    let all = ways(&nodes, &|node| kind.has(node));
    let number = index.checked_rem(all.len()).unwrap_or(0);
    let found = all.get(number).and_then(|way| follow(&mut nodes, way));
    let Some((list, at, tags)) = found else {
        return (content.to_vec(), "nothing to change".to_owned());
    };
    let Some(node) = list.get_mut(at) else {
        return (content.to_vec(), "nothing to change".to_owned());
    };
    let words = match change {
        Change::Gone => {
            list.remove(at);
            "is gone".to_owned()
        }
        Change::Twice => {
            let copy = node.clone();
            list.insert(at, copy);
            "is there twice".to_owned()
        }
        Change::Value(value) => {
            node.body = Body::Bytes(value.bytes());
            format!("is {value}")
        }
        Change::Off(by) => {
            let len = node.value().len().saturating_add_signed(*by);
            node.length = Some(length(len));
            format!("has a length that is off by {by}")
        }
        Change::Length(bytes) => {
            node.length = Some(bytes.clone());
            format!("has the length {}", hex::encode_upper(bytes))
        }
        Change::Tag(bytes) => {
            node.tag.clone_from(bytes);
            format!("has the tag {}", hex::encode_upper(bytes))
        }
        Change::Deep(levels) => {
            let mut value = node.value();
            for _ in 0..*levels {
                value = [vec![0x30], length(value.len()), value].concat();
            }
            node.body = Body::Bytes(value);
            format!("lies in {levels} sequences")
        }
    };
    (encode(&nodes), format!("object {number} ({tags}) {words}"))
}

/// The name of files that no module may make, as it is drawn; [`named`] puts
/// another one in its place.
pub(crate) const OUTSIDE: &str = "cie-outside";

/// Units of hostile texts.
const TEXTS: [&[u8]; 17] = [
    b"A",
    b"7",
    b"",
    b"..",
    b"../",
    b"..\\",
    b"\0",
    b"a\0b",
    b"\n",
    b"\r\n",
    b"\x1B[2J",
    b"%s",
    b"%n%n%s",
    b"'; --",
    b"<b>&amp;\"",
    "\u{202E}\u{200B}".as_bytes(),
    b"\xC0\xAF\xFF\xFE\xED\xA0\x80",
];

/// Texts that name files, which say nothing when they are repeated.
const PATHS: [&[u8]; 5] = [
    b"cie-outside",
    b"../cie-outside",
    b"../../cie-outside",
    // An absolute path, and another place for each case.
    b"/proc/self/cwd/cie-outside",
    b"$(touch cie-outside)",
];

/// Texts that are paths, control characters, formats, no UTF-8, or very long.
pub(crate) fn texts() -> BoxedStrategy<Repeated> {
    let unit = Union::new_weighted(vec![
        (4, one_of(&TEXTS)),
        (1, vec(any::<u8>(), 0..40).boxed()),
    ]);
    let text = (unit, times()).prop_map(|(unit, times)| Repeated { unit, times });
    let path = one_of(&PATHS).prop_map(|unit| Repeated { unit, times: 1 });
    Union::new_weighted(vec![(5, text.boxed()), (2, path.boxed())]).boxed()
}

/// Numbers of many bytes.
fn numbers() -> BoxedStrategy<Repeated> {
    let unit = Union::new([0x00, 0x01, 0x7F, 0x80, 0xFF].map(|byte: u8| Just(vec![byte])));
    (unit, times())
        .prop_map(|(unit, times)| Repeated { unit, times })
        .boxed()
}

fn times() -> BoxedStrategy<usize> {
    Union::new_weighted(vec![
        (5, (1_usize..4).boxed()),
        (3, (0_usize..600).boxed()),
        (1, (0_usize..6000).boxed()),
    ])
    .boxed()
}

/// Lengths that are none, that have no end, or that are far too long.
const LENGTHS: [&[u8]; 10] = [
    &[0x00],
    &[0x7F],
    &[0x80],
    &[0xFF],
    &[0x82, 0xFF, 0xFF],
    &[0x84, 0x7F, 0xFF, 0xFF, 0xFF],
    &[0x84, 0xFF, 0xFF, 0xFF, 0xFF],
    &[0x84, 0xFF, 0xFF, 0xFF, 0xF0],
    &[0x88, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
    &[0x88, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
];

const TAGS: [&[u8]; 8] = [
    &[0x30],
    &[0x04],
    &[0x00],
    &[0x1F],
    &[0x7F, 0x49],
    &[0xFF, 0xFF, 0xFF, 0xFF, 0x7F],
    &[0x1F, 0x80, 0x80, 0x01],
    &[],
];

fn one_of(all: &[&[u8]]) -> BoxedStrategy<Vec<u8>> {
    Union::new(all.iter().map(|bytes| Just(bytes.to_vec()))).boxed()
}

/// Any lie about one data object.
fn changes() -> BoxedStrategy<Change> {
    let off = Union::new_weighted(vec![
        (3, (-3_isize..4).boxed()),
        (1, (-300_isize..301).boxed()),
    ]);
    let length = Union::new_weighted(vec![
        (4, one_of(&LENGTHS)),
        (1, vec(any::<u8>(), 0..10).boxed()),
    ]);
    let tag = Union::new_weighted(vec![
        (3, one_of(&TAGS)),
        (1, vec(any::<u8>(), 1..6).boxed()),
    ]);
    Union::new_weighted(vec![
        (2, Just(Change::Gone).boxed()),
        (1, Just(Change::Twice).boxed()),
        (3, texts().prop_map(Change::Value).boxed()),
        (3, off.prop_map(Change::Off).boxed()),
        (5, length.prop_map(Change::Length).boxed()),
        (3, tag.prop_map(Change::Tag).boxed()),
        (1, (1_usize..1500).prop_map(Change::Deep).boxed()),
    ])
    .boxed()
}

/// Numbers of an object; the count of those that there are is not known yet.
const INDEX: std::ops::Range<usize> = 0..4096;

/// One to three lies about tags, lengths and values at any depth.
pub(crate) fn objects() -> BoxedStrategy<Vec<Edit>> {
    let edit =
        (INDEX, changes()).prop_map(|(index, change)| Edit::Object(Kind::Any, index, change));
    vec(edit, 1..=3).boxed()
}

/// Hostile names, numbers and times in objects that are right.
pub(crate) fn values() -> BoxedStrategy<Vec<Edit>> {
    let value = |kind, value: BoxedStrategy<Repeated>| {
        (INDEX, value)
            .prop_map(move |(index, value)| Edit::Object(kind, index, Change::Value(value)))
            .boxed()
    };
    let edit = Union::new_weighted(vec![
        (8, value(Kind::Text, texts())),
        (1, value(Kind::Number, numbers())),
        (1, value(Kind::Time, texts())),
    ]);
    vec(edit, 1..=4).boxed()
}

/// A text instead of the content.
pub(crate) fn wholes() -> BoxedStrategy<Vec<Edit>> {
    texts().prop_map(|text| vec![Edit::Whole(text)]).boxed()
}

/// Other sizes.
pub(crate) fn sizes() -> BoxedStrategy<Vec<Edit>> {
    let size = Union::new_weighted(vec![
        (4, (0_usize..40).boxed()),
        (4, (0_usize..2500).boxed()),
        (1, (0_usize..=LONGEST).boxed()),
    ]);
    (size, any::<u8>())
        .prop_map(|(size, fill)| vec![Edit::Size(size, fill)])
        .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::{Came, Limits, all_right};
    use crate::ours;
    use cie_personalisation::FAMILIES;

    /// 30 09 0C 01 41 02 01 07 17 01 30
    const CONTENT: &[u8] = &[0x30, 9, 0x0C, 1, 0x41, 2, 1, 7, 0x17, 1, 0x30];

    #[test]
    fn each_change_is_as_its_words_say() {
        let text = Repeated {
            unit: b"../".into(),
            times: 2,
        };
        for (kind, change, hex, words) in [
            (
                Kind::Text,
                Change::Value(text),
                "300E0C062E2E2F2E2E2F020107170130",
                "object 0 (30/0C) is \"../\" 2 times",
            ),
            (
                Kind::Number,
                Change::Gone,
                "30060C0141170130",
                "object 0 (30/02) is gone",
            ),
            (
                Kind::Number,
                Change::Twice,
                "300C0C0141020107020107170130",
                "object 0 (30/02) is there twice",
            ),
            (
                Kind::Any,
                Change::Length(vec![0x80]),
                "30800C0141020107170130",
                "object 0 (30) has the length 80",
            ),
            (
                Kind::Time,
                Change::Off(2),
                "30090C0141020107170330",
                "object 0 (30/17) has a length that is off by 2",
            ),
            (
                Kind::Time,
                Change::Tag(vec![0x1F, 0x01]),
                "300A0C01410201071F010130",
                "object 0 (30/17) has the tag 1F01",
            ),
            (
                Kind::Number,
                Change::Deep(2),
                "300D0C0141020530033001071701 30",
                "object 0 (30/02) lies in 2 sequences",
            ),
        ] {
            let edit = Edit::Object(kind, 0, change);
            let (bytes, said) = edit.apply(CONTENT);
            assert_eq!(hex::encode_upper(bytes), hex.replace(' ', ""), "{said}");
            assert_eq!(said, words);
        }
        let none = Edit::Object(Kind::Any, 5, Change::Gone);
        assert_eq!(none.apply(&[]).1, "nothing to change");
        assert_eq!(Edit::Size(2, 0).apply(CONTENT).0, [0x30, 9]);
        let grown = Edit::Size(40_000, 0xAA).apply(CONTENT);
        assert_eq!(
            (grown.0.len(), grown.1.as_str()),
            (LONGEST, "11 bytes become 40000 with AA")
        );
    }

    #[test]
    fn contents_of_files_are_hostile_and_bounded() {
        let specimen = ours::specimen(&FAMILIES[0], 1).unwrap();
        let content = &specimen.certificate;
        let strategies = [objects(), values(), wholes(), sizes()];
        for (number, strategy) in strategies.iter().enumerate() {
            let (mut changed, mut deep) = (0, 0);
            all_right::<_, ()>(strategy, (1, "t"), Limits::of(200), |edits| {
                let (bytes, words) = apply_all(edits, content);
                assert!(bytes.len() <= LONGEST);
                changed += usize::from(bytes != *content);
                deep += usize::from(words.matches('/').count() > 4);
                Came::Right
            })
            .unwrap();
            assert!(changed > 180, "{number}: {changed}");
            assert!(number > 1 || deep > 80, "{number}: {deep}");
        }
    }

    #[test]
    fn a_content_gets_as_small_as_its_fault() {
        // Something takes names of 300 bytes and more for too long.
        let names = |bytes: &[u8]| {
            let nodes = parse(bytes);
            let long = |node: &Node| Kind::Text.has(node) && node.value().len() >= 300;
            !ways(&nodes, &long).is_empty()
        };
        let found = all_right(&values(), (1, "t"), Limits::of(300), |edits| {
            match names(&apply_all(edits, CONTENT).0) {
                true => Came::Wrong(()),
                false => Came::Right,
            }
        });
        let smallest = found.unwrap_err().smallest;
        let [Edit::Object(Kind::Text, 0, Change::Value(value))] = smallest.as_slice() else {
            panic!("{smallest:?}");
        };
        assert!(value.bytes().len() < 320, "{value}");
    }
}
