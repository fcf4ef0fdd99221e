// SPDX-License-Identifier: MIT OR Apache-2.0
//! PKCS#11, by the crate `cryptoki`.

use crate::functions::Functions;
use crate::protocol::{Announced, Answer, Object, Request, Token};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::Error;
use cryptoki::mechanism::vendor_defined::VendorDefinedMechanism;
use cryptoki::mechanism::{Mechanism, MechanismType, rsa};
use cryptoki::object::{Attribute, AttributeType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use cryptoki::types::AuthPin;

/// A module, and the one session that is open with it.
#[derive(Default)]
pub(crate) struct Desk {
    session: Option<Session>,
    module: Option<Pkcs11>,
    functions: Option<Functions>,
}

/// The mechanisms that the bench knows how to check.
const MECHANISMS: [(&str, MechanismType); 15] = [
    ("CKM_RSA_PKCS", MechanismType::RSA_PKCS),
    ("CKM_RSA_X_509", MechanismType::RSA_X_509),
    ("CKM_SHA1_RSA_PKCS", MechanismType::SHA1_RSA_PKCS),
    ("CKM_SHA224_RSA_PKCS", MechanismType::SHA224_RSA_PKCS),
    ("CKM_SHA256_RSA_PKCS", MechanismType::SHA256_RSA_PKCS),
    ("CKM_SHA384_RSA_PKCS", MechanismType::SHA384_RSA_PKCS),
    ("CKM_SHA512_RSA_PKCS", MechanismType::SHA512_RSA_PKCS),
    ("CKM_RSA_PKCS_PSS", MechanismType::RSA_PKCS_PSS),
    (
        "CKM_SHA256_RSA_PKCS_PSS",
        MechanismType::SHA256_RSA_PKCS_PSS,
    ),
    ("CKM_SHA_1", MechanismType::SHA1),
    ("CKM_SHA224", MechanismType::SHA224),
    ("CKM_SHA256", MechanismType::SHA256),
    ("CKM_SHA384", MechanismType::SHA384),
    ("CKM_SHA512", MechanismType::SHA512),
    (
        "CKM_RSA_PKCS_KEY_PAIR_GEN",
        MechanismType::RSA_PKCS_KEY_PAIR_GEN,
    ),
];

/// Without a parameter, and without a name in the library.
const PLAIN: [&str; 2] = ["CKM_MD5", "CKM_MD5_RSA_PKCS"];

type Asked = Result<Answer, Answer>;

impl Desk {
    /// Does what is asked.
    pub(crate) fn answer(&mut self, request: Request) -> Answer {
        self.ask(request).unwrap_or_else(|refused| refused)
    }

    fn ask(&mut self, request: Request) -> Asked {
        match request {
            Request::Load(path) => {
                self.functions = Some(Functions::of(&path).map_err(Answer::Cannot)?);
                self.module = Some(Pkcs11::new(&path).map_err(refused)?);
                Ok(Answer::Done)
            }
            Request::Functions => Ok(Answer::Functions(self.functions()?.exported())),
            Request::Initialize => {
                let flags = CInitializeFlags::OS_LOCKING_OK;
                done(self.module()?.initialize(CInitializeArgs::new(flags)))
            }
            Request::Finalize => {
                self.session = None;
                done(self.module()?.clone().finalize())
            }
            Request::Slots { with_token } => {
                let module = self.module()?;
                let slots = if with_token {
                    module.get_slots_with_token()
                } else {
                    module.get_all_slots()
                };
                let slots = slots.map_err(refused)?;
                Ok(Answer::Slots(slots.into_iter().map(Slot::into).collect()))
            }
            Request::Token(slot) => self.token(slot),
            Request::Texts(slot) => self.texts(slot),
            Request::Mechanisms(slot) => self.mechanisms(slot),
            Request::Open(slot) => {
                self.session = None;
                let slot = Slot::try_from(slot).map_err(refused)?;
                let session = self.module()?.open_rw_session(slot).map_err(refused)?;
                self.session = Some(session);
                Ok(Answer::Done)
            }
            Request::Close => match self.session.take() {
                Some(session) => done(session.close()),
                None => Err(Answer::Cannot("no session is open".to_owned())),
            },
            Request::Login { so, code: typed } => {
                let user = if so { UserType::So } else { UserType::User };
                done(self.session()?.login(user, Some(&code(typed))))
            }
            Request::Logout => done(self.session()?.logout()),
            Request::State => {
                let info = self.session()?.get_session_info().map_err(refused)?;
                Ok(Answer::Word(format!("{:?}", info.session_state())))
            }
            Request::SetPin { old, new } => done(self.session()?.set_pin(&code(old), &code(new))),
            Request::InitPin(new) => done(self.session()?.init_pin(&code(new))),
            Request::Objects => self.objects(),
            Request::Sign {
                mechanism,
                data,
                pieces,
            } => self.sign(&mechanism, &data, pieces),
            Request::Verify {
                mechanism,
                data,
                signature,
            } => {
                let session = self.session()?;
                let key = first(session, ObjectClass::PUBLIC_KEY)?;
                let mechanism = self.mechanism(&mechanism)?;
                done(session.verify(&mechanism, key, &bytes(&data)?, &bytes(&signature)?))
            }
            Request::Digest { mechanism, data } => {
                let mechanism = self.mechanism(&mechanism)?;
                let digest = self.session()?.digest(&mechanism, &bytes(&data)?);
                Ok(Answer::Bytes(hex::encode(digest.map_err(refused)?)))
            }
            Request::Random(len) => {
                let drawn = self.session()?.generate_random_vec(len).map_err(refused)?;
                Ok(Answer::Bytes(hex::encode(drawn)))
            }
            function => Ok(self.functions()?.answer(&function)),
        }
    }

    fn module(&self) -> Result<&Pkcs11, Answer> {
        let none = || Answer::Cannot("no module is loaded".to_owned());
        self.module.as_ref().ok_or_else(none)
    }

    fn functions(&self) -> Result<&Functions, Answer> {
        let none = || Answer::Cannot("no module is loaded".to_owned());
        self.functions.as_ref().ok_or_else(none)
    }

    fn session(&self) -> Result<&Session, Answer> {
        let none = || Answer::Cannot("no session is open".to_owned());
        self.session.as_ref().ok_or_else(none)
    }

    /// The mechanism of this name. One that the library has no name for, and
    /// that takes no parameter, is found among those that are announced.
    fn mechanism(&self, name: &str) -> Result<Mechanism<'static>, Answer> {
        if !PLAIN.contains(&name) {
            return mechanism_of(name);
        }
        let info = self.session()?.get_session_info().map_err(refused)?;
        let all = self.module()?.get_mechanism_list(info.slot_id());
        let all = all.map_err(refused)?;
        let found = all.into_iter().find(|kind| kind.to_string() == name);
        let none = || Answer::Cannot(format!("the module does not announce {name}"));
        let kind = found.ok_or_else(none)?;
        Ok(Mechanism::VendorDefined(VendorDefinedMechanism::new::<()>(
            kind, None,
        )))
    }

    fn token(&self, slot: u64) -> Asked {
        let slot = Slot::try_from(slot).map_err(refused)?;
        let info = self.module()?.get_token_info(slot).map_err(refused)?;
        Ok(Answer::Token(Token {
            label: info.label().to_owned(),
            serial: info.serial_number().to_owned(),
            rng: info.rng(),
            pin_low: info.user_pin_count_low(),
            pin_final: info.user_pin_final_try(),
            pin_locked: info.user_pin_locked(),
            pin_min: info.min_pin_length(),
            pin_max: info.max_pin_length(),
        }))
    }

    fn texts(&self, slot: u64) -> Asked {
        let slot = Slot::try_from(slot).map_err(refused)?;
        let module = self.module()?;
        let library = module.get_library_info().map_err(refused)?;
        let place = module.get_slot_info(slot).map_err(refused)?;
        let token = module.get_token_info(slot).map_err(refused)?;
        let texts = [
            ("CK_INFO.manufacturerID", library.manufacturer_id()),
            ("CK_INFO.libraryDescription", library.library_description()),
            ("CK_SLOT_INFO.slotDescription", place.slot_description()),
            ("CK_SLOT_INFO.manufacturerID", place.manufacturer_id()),
            ("CK_TOKEN_INFO.label", token.label()),
            ("CK_TOKEN_INFO.manufacturerID", token.manufacturer_id()),
            ("CK_TOKEN_INFO.model", token.model()),
            ("CK_TOKEN_INFO.serialNumber", token.serial_number()),
        ];
        let owned = texts.map(|(field, text)| (field.to_owned(), text.to_owned()));
        Ok(Answer::Texts(owned.into()))
    }

    fn mechanisms(&self, slot: u64) -> Asked {
        let slot = Slot::try_from(slot).map_err(refused)?;
        let module = self.module()?;
        let mut list = Vec::new();
        for kind in module.get_mechanism_list(slot).map_err(refused)? {
            let known = MECHANISMS.iter().find(|(_, known)| *known == kind);
            let name = known.map_or_else(|| kind.to_string(), |(name, _)| (*name).to_owned());
            let info = module.get_mechanism_info(slot, kind).map_err(refused)?;
            list.push(Announced {
                name,
                sign: info.sign(),
                verify: info.verify(),
                digest: info.digest(),
            });
        }
        Ok(Answer::Mechanisms(list))
    }

    fn objects(&self) -> Asked {
        let session = self.session()?;
        let handles = session.find_objects(&[]).map_err(refused)?;
        Ok(Answer::Objects(
            handles.into_iter().map(|h| object(session, h)).collect(),
        ))
    }

    fn sign(&self, mechanism: &str, data: &str, pieces: usize) -> Asked {
        let session = self.session()?;
        let key = first(session, ObjectClass::PRIVATE_KEY)?;
        let mechanism = self.mechanism(mechanism)?;
        let data = bytes(data)?;
        let signature = if pieces <= 1 {
            session.sign(&mechanism, key, &data)
        } else {
            session.sign_init(&mechanism, key).map_err(refused)?;
            for piece in data.chunks(data.len().div_ceil(pieces).max(1)) {
                session.sign_update(piece).map_err(refused)?;
            }
            session.sign_final()
        };
        Ok(Answer::Bytes(hex::encode(signature.map_err(refused)?)))
    }
}

/// What can be told of an object; an attribute that it does not have is empty.
fn object(session: &Session, handle: ObjectHandle) -> Object {
    let mut object = Object::default();
    for kind in [
        AttributeType::Class,
        AttributeType::Label,
        AttributeType::Id,
    ] {
        for attribute in session
            .get_attributes(handle, &[kind])
            .into_iter()
            .flatten()
        {
            match attribute {
                Attribute::Class(ObjectClass::CERTIFICATE) => object.class = "certificate".into(),
                Attribute::Class(ObjectClass::PRIVATE_KEY) => object.class = "private-key".into(),
                Attribute::Class(ObjectClass::PUBLIC_KEY) => object.class = "public-key".into(),
                Attribute::Class(ObjectClass::DATA) => object.class = "data".into(),
                Attribute::Class(other) => object.class = format!("{other:?}"),
                Attribute::Label(label) => {
                    object.label = String::from_utf8_lossy(&label).into_owned();
                }
                Attribute::Id(id) => object.id = hex::encode(id),
                _ => {}
            }
        }
    }
    if matches!(object.class.as_str(), "certificate" | "data") {
        let values = session.get_attributes(handle, &[AttributeType::Value]);
        for attribute in values.into_iter().flatten() {
            if let Attribute::Value(value) = attribute {
                object.value = hex::encode(value);
            }
        }
    }
    object
}

fn first(session: &Session, class: ObjectClass) -> Result<ObjectHandle, Answer> {
    let found = session.find_objects(&[Attribute::Class(class)]);
    let none = || Answer::Refused {
        rv: "no such key is seen".to_owned(),
        attempts: None,
    };
    found.map_err(refused)?.first().copied().ok_or_else(none)
}

fn mechanism_of(name: &str) -> Result<Mechanism<'static>, Answer> {
    let pss = rsa::PkcsPssParams {
        hash_alg: MechanismType::SHA256,
        mgf: rsa::PkcsMgfType::MGF1_SHA256,
        s_len: 32.into(),
    };
    Ok(match name {
        "CKM_RSA_PKCS" => Mechanism::RsaPkcs,
        "CKM_RSA_X_509" => Mechanism::RsaX509,
        "CKM_SHA1_RSA_PKCS" => Mechanism::Sha1RsaPkcs,
        "CKM_SHA224_RSA_PKCS" => Mechanism::Sha224RsaPkcs,
        "CKM_SHA256_RSA_PKCS" => Mechanism::Sha256RsaPkcs,
        "CKM_SHA384_RSA_PKCS" => Mechanism::Sha384RsaPkcs,
        "CKM_SHA512_RSA_PKCS" => Mechanism::Sha512RsaPkcs,
        "CKM_RSA_PKCS_PSS" => Mechanism::RsaPkcsPss(pss),
        "CKM_SHA256_RSA_PKCS_PSS" => Mechanism::Sha256RsaPkcsPss(pss),
        "CKM_SHA_1" => Mechanism::Sha1,
        "CKM_SHA224" => Mechanism::Sha224,
        "CKM_SHA256" => Mechanism::Sha256,
        "CKM_SHA384" => Mechanism::Sha384,
        "CKM_SHA512" => Mechanism::Sha512,
        other => return Err(Answer::Cannot(format!("the driver does not know {other}"))),
    })
}

fn code(typed: String) -> AuthPin {
    AuthPin::new(typed.into())
}

fn bytes(text: &str) -> Result<Vec<u8>, Answer> {
    hex::decode(text).map_err(|error| Answer::Cannot(format!("no hexadecimal: {error}")))
}

fn done(result: cryptoki::error::Result<()>) -> Asked {
    result.map(|()| Answer::Done).map_err(refused)
}

/// A return value by its name in the standard.
#[allow(clippy::needless_pass_by_value)] // for `map_err`
fn refused(error: Error) -> Answer {
    match error {
        Error::Pkcs11(rv, _) => {
            let mut name = "CKR".to_owned();
            for letter in format!("{rv:?}").chars() {
                if letter.is_uppercase() {
                    name.push('_');
                }
                name.push(letter.to_ascii_uppercase());
            }
            Answer::Refused {
                rv: name,
                attempts: None,
            }
        }
        other => Answer::Cannot(other.to_string()),
    }
}
