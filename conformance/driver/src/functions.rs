// SPDX-License-Identifier: MIT OR Apache-2.0
//! The functions that CIE middleware exports beside PKCS#11, and all unsafe
//! code of this crate.
//!
//! Names, parameters and the record of `getVerifyInfo` are facts of the public
//! sources of `italia/cie-middleware-linux`. A module with a function of the
//! same name and other parameters would be called wrongly; that harms this
//! process only.
#![allow(unsafe_code)]

use crate::protocol::{Answer, Function, Request};
use libloading::Library;
use std::ffi::{CString, c_char, c_float, c_int, c_ulong};
use std::path::Path;
use std::ptr;

/// `PROGRESS_CALLBACK`: per cent and a text.
type Progress = extern "C" fn(c_int, *const c_char) -> c_ulong;
/// Of `AbilitaCIE`: number for services, name, serial number of the document.
type Enrolled = extern "C" fn(*const c_char, *const c_char, *const c_char) -> c_ulong;
/// Of `firmaConCIE`: what the signing library said.
type Signed = extern "C" fn(c_int) -> c_ulong;

type Enrol =
    unsafe extern "C" fn(*const c_char, *const c_char, *mut c_int, Progress, Enrolled) -> c_ulong;
type WithNumber = unsafe extern "C" fn(*const c_char) -> c_ulong;
type TwoCodes = unsafe extern "C" fn(*const c_char, *const c_char, *mut c_int, Progress) -> c_ulong;
type Sign = unsafe extern "C" fn(
    *const c_char, // document
    *const c_char, // kind
    *const c_char, // code
    *const c_char, // number for services
    c_int,         // page of a visible signature
    c_float,
    c_float,
    c_float,
    c_float,
    *const c_char, // picture of a visible signature
    *const c_char, // signed document
    Progress,
    Signed,
) -> c_ulong;
type Verify = unsafe extern "C" fn(*const c_char, *const c_char, c_int, *const c_char) -> c_ulong;
type Count = unsafe extern "C" fn() -> c_ulong;
type Tell = unsafe extern "C" fn(c_int, *mut Told) -> c_ulong;

/// Bytes of each text in [`Told`].
const TEXT: usize = 512;

/// What `getVerifyInfo` fills in.
#[repr(C)]
struct Told {
    name: [c_char; TEXT],
    surname: [c_char; TEXT],
    common_name: [c_char; TEXT],
    signing_time: [c_char; TEXT],
    issuer: [c_char; TEXT],
    revocation: c_int,
    signature_valid: u8,
    certificate_valid: u8,
    /// More than the record has, should a later version be longer.
    spare: [u8; 4096],
}

extern "C" fn progress(_: c_int, _: *const c_char) -> c_ulong {
    0
}

extern "C" fn enrolled(_: *const c_char, _: *const c_char, _: *const c_char) -> c_ulong {
    0
}

extern "C" fn signed(_: c_int) -> c_ulong {
    0
}

/// A module's functions beside PKCS#11. It stays loaded.
pub(crate) struct Functions {
    library: Library,
}

impl Functions {
    /// Loads the module.
    pub(crate) fn of(path: &Path) -> Result<Self, String> {
        // SAFETY: loading runs the module's initialisers, which is what this
        // process is there for; whatever they do, they do to it alone.
        let library = unsafe { Library::new(path) };
        let library = library.map_err(|error| error.to_string())?;
        Ok(Self { library })
    }

    /// Those that are there.
    pub(crate) fn exported(&self) -> Vec<Function> {
        let there = |function: &Function| self.find::<Count>(function.symbol()).is_ok();
        Function::ALL.into_iter().filter(there).collect()
    }

    /// Calls one.
    pub(crate) fn answer(&self, request: &Request) -> Answer {
        self.ask(request)
            .unwrap_or_else(|why| Answer::Cannot(why.clone()))
    }

    fn find<T: Copy>(&self, symbol: &str) -> Result<T, String> {
        // SAFETY: T is the function type of this symbol in the public sources;
        // the pointer stays good because the library is never unloaded before
        // the process ends.
        let found = unsafe { self.library.get::<T>(symbol.as_bytes()) };
        found
            .map(|f| *f)
            .map_err(|_| format!("{symbol} is not exported"))
    }

    fn ask(&self, request: &Request) -> Result<Answer, String> {
        let mut attempts: c_int = -1;
        let rv = match request {
            Request::Enrol(pin) => {
                let call: Enrol = self.find(Function::Enrol.symbol())?;
                let pin = text(pin)?;
                // SAFETY: a terminated text and a number that outlive the call.
                unsafe {
                    call(
                        ptr::null(),
                        pin.as_ptr(),
                        &raw mut attempts,
                        progress,
                        enrolled,
                    )
                }
            }
            Request::IsEnrolled(nis) => {
                let call: WithNumber = self.find(Function::IsEnrolled.symbol())?;
                let nis = text(nis)?;
                // SAFETY: a terminated text that outlives the call.
                let known = unsafe { call(nis.as_ptr()) };
                return Ok(Answer::Word(known.to_string()));
            }
            Request::Forget(nis) => {
                let call: WithNumber = self.find(Function::Forget.symbol())?;
                let nis = text(nis)?;
                // SAFETY: a terminated text that outlives the call.
                unsafe { call(nis.as_ptr()) }
            }
            Request::ChangePin { old: first, new } | Request::Unblock { puk: first, new } => {
                let function = match request {
                    Request::Unblock { .. } => Function::Unblock,
                    _ => Function::ChangePin,
                };
                let call: TwoCodes = self.find(function.symbol())?;
                let (first, new) = (text(first)?, text(new)?);
                // SAFETY: terminated texts and a number that outlive the call.
                unsafe { call(first.as_ptr(), new.as_ptr(), &raw mut attempts, progress) }
            }
            Request::SignFile {
                kind,
                from,
                to,
                code,
                nis,
            } => {
                let call: Sign = self.find(Function::Sign.symbol())?;
                let (kind, from, to) = (text(kind)?, text(from)?, text(to)?);
                let (code, nis) = (text(code)?, text(nis)?);
                // SAFETY: terminated texts that outlive the call; no picture.
                unsafe {
                    call(
                        from.as_ptr(),
                        kind.as_ptr(),
                        code.as_ptr(),
                        nis.as_ptr(),
                        0,
                        0.0,
                        0.0,
                        0.0,
                        0.0,
                        ptr::null(),
                        to.as_ptr(),
                        progress,
                        signed,
                    )
                }
            }
            Request::VerifyFile(path) => return self.verify(path),
            other => return Err(format!("{} is no such function", other.name())),
        };
        Ok(match rv {
            0 => Answer::Done,
            rv => Answer::Refused {
                rv: name(rv),
                attempts: (attempts >= 0).then_some(attempts),
            },
        })
    }

    fn verify(&self, path: &str) -> Result<Answer, String> {
        let verify: Verify = self.find(Function::Verify.symbol())?;
        let count: Count = self.find("getNumberOfSign")?;
        let tell: Tell = self.find("getVerifyInfo")?;
        let path = text(path)?;
        // SAFETY: a terminated text that outlives the call; no proxy.
        let rv = unsafe { verify(path.as_ptr(), ptr::null(), 0, ptr::null()) };
        // Either how many signatures there are or an error, in one number.
        if rv > 1000 {
            return Ok(Answer::Refused {
                rv: name(rv),
                attempts: None,
            });
        }
        // SAFETY: no parameter; a result is there.
        let signatures = unsafe { count() };
        let mut list = Vec::new();
        for index in 0..c_int::try_from(signatures.min(100)).unwrap_or(0) {
            let mut told = Box::new(Told {
                name: [0; TEXT],
                surname: [0; TEXT],
                common_name: [0; TEXT],
                signing_time: [0; TEXT],
                issuer: [0; TEXT],
                revocation: 0,
                signature_valid: 0,
                certificate_valid: 0,
                spare: [0; 4096],
            });
            // SAFETY: a record of at least the length that is written.
            unsafe { tell(index, &raw mut *told) };
            list.push((told.signature_valid == 1, told.certificate_valid == 1));
        }
        Ok(Answer::Verified(list))
    }
}

fn text(text: &str) -> Result<CString, String> {
    CString::new(text).map_err(|_| "a text with a zero byte".to_owned())
}

/// A return value by its name in the standard, with the two of the middleware.
fn name(rv: c_ulong) -> String {
    let known = match rv {
        0x05 => "CKR_GENERAL_ERROR",
        0x06 => "CKR_FUNCTION_FAILED",
        0x07 => "CKR_ARGUMENTS_BAD",
        0x30 => "CKR_DEVICE_ERROR",
        0x32 => "CKR_DEVICE_REMOVED",
        0xA0 => "CKR_PIN_INCORRECT",
        0xA1 => "CKR_PIN_INVALID",
        0xA2 => "CKR_PIN_LEN_RANGE",
        0xA4 => "CKR_PIN_LOCKED",
        0xE0 => "CKR_TOKEN_NOT_PRESENT",
        0xE1 => "CKR_TOKEN_NOT_RECOGNIZED",
        0xF0 => "CARD_ALREADY_ENABLED",
        0xF1 => "CARD_PAN_MISMATCH",
        _ => return format!("{rv:#x}"),
    };
    known.to_owned()
}
