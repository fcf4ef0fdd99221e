// SPDX-License-Identifier: MIT OR Apache-2.0
//! A citizen of the test PKI whose key is at hand, and PDFs written by hand.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests only")]

use cie_personalisation::{CARD_KEYS, Persona, State, personalise, pki, publish};
use cie_signatures::chain::Trust;
use cie_signatures::cms::Signing;
use cie_terminal::certificate::CardCertificate;
use cie_terminal::digest::HashAlgorithm;
use der::DateTime;
use rsa::pkcs8::DecodePrivateKey;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use sha2::Sha256;

/// Within the life of the fresh and of the revoked certificate, before the end
/// of the lists.
pub const DAY: &str = "2026-06-01T12:00:00Z";

pub fn moment(text: &str) -> DateTime {
    text.parse().unwrap()
}

pub struct Citizen {
    pub certificate: CardCertificate,
    pub key: RsaPrivateKey,
}

pub fn citizen(state: State) -> Citizen {
    let persona = Persona::adult().unwrap().with_state(state).unwrap();
    let card = personalise(&persona, 1).unwrap();
    let files = &card.image.profile.files;
    let file = files.iter().find(|file| file.fid == 0x1003).unwrap();
    let certificate = CardCertificate::from_file(&file.content).unwrap();
    let key = RsaPrivateKey::from_pkcs8_der(CARD_KEYS[0].authentication).unwrap();
    Citizen { certificate, key }
}

impl Citizen {
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let digest = HashAlgorithm::Sha256.digest(message);
        let scheme = Pkcs1v15Sign::new::<Sha256>();
        self.key.sign(scheme, &digest).unwrap()
    }

    /// A `.p7m` of a text, or a `.p7s`.
    pub fn p7(&self, text: &[u8], inside: bool) -> Vec<u8> {
        let digest: [u8; 32] = HashAlgorithm::Sha256.digest(text).try_into().unwrap();
        let time = Some(moment(DAY));
        let signing = Signing::new(&self.certificate, [], &digest, time).unwrap();
        let signature = self.sign(&signing.to_be_signed());
        let envelope = signing.finish(&signature, inside.then_some(text.len()));
        if inside {
            [&envelope.head[..], text, &envelope.tail].concat()
        } else {
            envelope.detached()
        }
    }
}

/// The test authorities, and nothing else.
pub fn trust(at: &str) -> Trust {
    let mut trust = Trust::at(moment(at));
    trust.add_authorities(pki().ca_pem().as_bytes()).unwrap();
    trust
}

/// The same with both revocation lists.
pub fn trust_with_lists(at: &str) -> Trust {
    let mut trust = trust(at);
    for name in ["root.crl", "sub-ca.crl.pem"] {
        trust.add_lists(&list(name)).unwrap();
    }
    trust
}

/// A revocation list on which the revoked adult is.
pub fn list(name: &str) -> Vec<u8> {
    let persona = Persona::adult().unwrap();
    let persona = persona.with_state(State::CertRevoked).unwrap();
    let card = personalise(&persona, 1).unwrap();
    let files = publish(&[("adult".to_owned(), &card)]).unwrap();
    let mut found = files.iter().filter(|f| f.path.ends_with(name));
    found.next().unwrap().content.clone()
}

/// Objects of a PDF of one page.
pub fn objects() -> Vec<Vec<u8>> {
    let stream = b"BT /F1 24 Tf 72 720 Td (Pay 10 euro) Tj ET";
    let content = format!("<</Length {}>>\nstream\n", stream.len());
    vec![
        b"<</Type/Catalog/Pages 2 0 R>>".to_vec(),
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>".to_vec(),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R>>".to_vec(),
        [content.as_bytes(), stream, b"\nendstream"].concat(),
    ]
}

/// A PDF with a cross-reference table.
pub fn classic(objects: &[Vec<u8>], trailer: &str) -> Vec<u8> {
    let (mut data, mut places) = (b"%PDF-1.7\n".to_vec(), Vec::new());
    for (index, body) in objects.iter().enumerate() {
        places.push(data.len());
        data.extend(format!("{} 0 obj\n", index + 1).bytes());
        data.extend(body);
        data.extend(b"\nendobj\n");
    }
    let start = data.len();
    let size = objects.len() + 1;
    data.extend(format!("xref\n0 {size}\n0000000000 65535 f \n").bytes());
    for place in places {
        data.extend(format!("{place:010} 00000 n \n").bytes());
    }
    let end = format!("trailer\n<</Size {size}/Root 1 0 R{trailer}>>\nstartxref\n{start}\n%%EOF\n");
    data.extend(end.bytes());
    data
}

/// The same with catalogue, pages and page in a deflated stream of objects and
/// a predicted cross-reference stream.
pub fn compressed() -> Vec<u8> {
    let objects = objects();
    let mut data = b"%PDF-1.7\n".to_vec();
    let at_content = data.len();
    data.extend(b"4 0 obj\n");
    data.extend(&objects[3]);
    data.extend(b"\nendobj\n");
    let (mut head, mut body) = (String::new(), Vec::new());
    for (index, object) in objects[..3].iter().enumerate() {
        head += &format!("{} {} ", index + 1, body.len());
        body.extend(object);
        body.push(b'\n');
    }
    let inside = [head.as_bytes(), &body].concat();
    let packed = miniz_oxide::deflate::compress_to_vec_zlib(&inside, 6);
    let at_objects = data.len();
    let dict = format!(
        "5 0 obj\n<</Type/ObjStm/N 3/First {}/Filter/FlateDecode/Length {}>>\nstream\n",
        head.len(),
        packed.len()
    );
    data.extend(dict.bytes());
    data.extend(packed);
    data.extend(b"\nendstream\nendobj\n");
    let start = data.len();
    let row = |kind: u8, at: usize, last: u8| {
        let [.., high, low] = at.to_be_bytes();
        [kind, high, low, last]
    };
    let rows = [
        row(0, 0, 255),
        row(2, 5, 0),
        row(2, 5, 1),
        row(2, 5, 2),
        row(1, at_content, 0),
        row(1, at_objects, 0),
        row(1, start, 0),
    ];
    // PNG's "up" predictor.
    let (mut predicted, mut above) = (Vec::new(), [0_u8; 4]);
    for row in rows {
        predicted.push(2);
        predicted.extend(row.iter().zip(above).map(|(a, b)| a.wrapping_sub(b)));
        above = row;
    }
    let packed = miniz_oxide::deflate::compress_to_vec_zlib(&predicted, 6);
    let dict = format!(
        "6 0 obj\n<</Type/XRef/Size 7/W[1 2 1]/Root 1 0 R/Filter/FlateDecode\
         /DecodeParms<</Predictor 12/Columns 4>>/Length {}>>\nstream\n",
        packed.len()
    );
    data.extend(dict.bytes());
    data.extend(packed);
    data.extend(format!("\nendstream\nendobj\nstartxref\n{start}\n%%EOF").bytes());
    data
}
