// SPDX-License-Identifier: MIT OR Apache-2.0
//! Data objects (BER-TLV, ISO/IEC 8825-1) as a tree in which tags, lengths and
//! values can be made wrong at any depth, with everything around them right.

/// No deeper than any honest file of the card.
const DEEPEST: usize = 40;
/// OCTET STRING: in security objects there are data objects in it.
const OCTET_STRING: u8 = 0x04;

/// A data object, or bytes that are none (without a tag).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    pub(super) tag: Vec<u8>,
    /// The length as it is written, if it is not the right one.
    pub(super) length: Option<Vec<u8>>,
    pub(super) body: Body,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    Bytes(Vec<u8>),
    Nodes(Vec<Node>),
}

/// The objects in these bytes; what is none is a node without a tag.
pub(super) fn parse(bytes: &[u8]) -> Vec<Node> {
    let (mut nodes, rest) = objects(bytes, 0);
    if !rest.is_empty() {
        nodes.push(Node {
            tag: Vec::new(),
            length: None,
            body: Body::Bytes(rest.to_vec()),
        });
    }
    nodes
}

fn objects(mut bytes: &[u8], depth: usize) -> (Vec<Node>, &[u8]) {
    let mut nodes = Vec::new();
    while let Some((tag, value, rest)) = object(bytes) {
        let first = tag.first().copied().unwrap_or(0);
        // Nothing is looked into that is too deep: edits can nest thousands.
        let inner = depth < DEEPEST && (first & 0x20 != 0 || first == OCTET_STRING);
        let body = match inner.then(|| objects(value, depth + 1)) {
            Some((nodes, [])) if !nodes.is_empty() => Body::Nodes(nodes),
            _ => Body::Bytes(value.to_vec()),
        };
        nodes.push(Node {
            tag: tag.to_vec(),
            length: None,
            body,
        });
        bytes = rest;
    }
    (nodes, bytes)
}

/// Tag, value and the rest behind an object in the shortest form.
fn object(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let first = *bytes.first()?;
    let mut tag_len = 1;
    if first & 0x1F == 0x1F {
        while bytes.get(tag_len)? & 0x80 != 0 {
            tag_len += 1;
        }
        tag_len += 1;
    }
    let (tag, rest) = bytes.split_at_checked(tag_len)?;
    if tag.iter().all(|byte| *byte == 0) {
        return None;
    }
    let (head, len) = match *rest.first()? {
        short @ 0..=0x7F => (1, usize::from(short)),
        long @ 0x81..=0x84 => {
            let digits = rest.get(1..=usize::from(long & 0x0F))?;
            let len = digits.iter().fold(0, |n, byte| n << 8 | usize::from(*byte));
            (1 + digits.len(), len)
        }
        _ => return None,
    };
    let (value, behind) = rest.get(head..)?.split_at_checked(len)?;
    Some((tag, value, behind))
}

/// A length in the shortest form.
pub(super) fn length(len: usize) -> Vec<u8> {
    match u8::try_from(len) {
        Ok(short @ 0..=0x7F) => vec![short],
        _ => {
            let digits: Vec<u8> = len
                .to_be_bytes()
                .into_iter()
                .skip_while(|byte| *byte == 0)
                .collect();
            let count = u8::try_from(digits.len()).unwrap_or(8);
            [vec![0x80 | count], digits].concat()
        }
    }
}

impl Node {
    /// The value.
    pub(super) fn value(&self) -> Vec<u8> {
        match &self.body {
            Body::Bytes(bytes) => bytes.clone(),
            Body::Nodes(nodes) => encode(nodes),
        }
    }
}

/// The bytes, each length as it is written or else right.
pub(super) fn encode(nodes: &[Node]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for node in nodes {
        let value = node.value();
        if !node.tag.is_empty() || node.length.is_some() {
            bytes.extend(&node.tag);
            match &node.length {
                Some(lie) => bytes.extend(lie),
                None => bytes.extend(length(value.len())),
            }
        }
        bytes.extend(value);
    }
    bytes
}

/// The nodes for which this holds, each by its way from the top, in the order
/// of the bytes.
pub(super) fn ways(nodes: &[Node], holds: &dyn Fn(&Node) -> bool) -> Vec<Vec<usize>> {
    let mut all = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        if holds(node) {
            all.push(vec![index]);
        }
        if let Body::Nodes(inner) = &node.body {
            let deeper = ways(inner, holds).into_iter();
            all.extend(deeper.map(|way| [vec![index], way].concat()));
        }
    }
    all
}

/// The list in which the last step of a way goes, and that step; with the tags
/// on the way.
pub(super) fn follow<'a>(
    nodes: &'a mut Vec<Node>,
    way: &[usize],
) -> Option<(&'a mut Vec<Node>, usize, String)> {
    let (last, way) = way.split_last()?;
    let mut nodes = nodes;
    let mut tags = String::new();
    for index in way {
        let node = nodes.get_mut(*index)?;
        tags += &format!("{}/", hex::encode_upper(&node.tag));
        let Body::Nodes(inner) = &mut node.body else {
            return None;
        };
        nodes = inner;
    }
    let node = nodes.get(*last)?;
    tags += &hex::encode_upper(&node.tag);
    Some((nodes, *last, tags))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_changed_stays_the_same() {
        for text in [
            "",
            "3003020107",
            "7F4903810100",
            "30053003020107AA",
            "0405300302010700",
            "3080020107",
            "313233",
            "0000",
        ] {
            let bytes = hex::decode(text).unwrap();
            assert_eq!(encode(&parse(&bytes)), bytes, "{text}");
        }
        let long = [vec![0x30, 0x82, 0x01, 0x00], vec![0xA5; 256]].concat();
        assert_eq!(encode(&parse(&long)), long);
    }

    #[test]
    fn the_objects_around_a_change_stay_right() {
        let mut nodes =
            parse(&hex::decode("300A 0408 3006 0201 0702 0108".replace(' ', "")).unwrap());
        let numbers = ways(&nodes, &|node| node.tag == [0x02]);
        assert_eq!(numbers, [vec![0, 0, 0, 0], vec![0, 0, 0, 1]]);
        let (list, at, tags) = follow(&mut nodes, &numbers[1]).unwrap();
        assert_eq!((at, tags.as_str()), (1, "30/04/30/02"));
        list[at].body = Body::Bytes(vec![0xFF; 200]);
        let bytes = encode(&nodes);
        assert_eq!(
            bytes[..13],
            hex::decode("3081D4 0481D1 3081CE 020107 02".replace(' ', "")).unwrap()[..]
        );
        assert_eq!(parse(&bytes), nodes);
    }

    #[test]
    fn no_content_is_deep_enough_for_the_stack() {
        let mut bytes = Vec::new();
        for _ in 0..7000 {
            bytes = [vec![0x30], length(bytes.len()), bytes].concat();
        }
        let small = std::thread::Builder::new().stack_size(256 * 1024);
        let same = small.spawn(move || encode(&parse(&bytes)) == bytes);
        assert!(same.unwrap().join().unwrap());
    }

    #[test]
    fn a_false_length_is_written_as_it_is() {
        let mut nodes = parse(&[0x30, 0x03, 0x02, 0x01, 0x07]);
        nodes[0].length = Some(vec![0x80]);
        assert_eq!(encode(&nodes), [0x30, 0x80, 0x02, 0x01, 0x07]);
    }
}
