// SPDX-License-Identifier: MIT OR Apache-2.0
//! Distinguished names, built one RDN after the other: clients compare the
//! issuer of the SOD with that of the certificate in order (section 6), and a
//! name parsed from a string would come out reversed (section 11b).

use super::PkiError;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519::CN;
use const_oid::db::rfc4519::{
    COUNTRY_NAME, GIVEN_NAME, ORGANIZATION_NAME, ORGANIZATIONAL_UNIT_NAME, SERIAL_NUMBER, SN,
};
use der::{Decode, Encode};
use iso7816_wire::tlv;
use x509_cert::name::Name;

/// The organisation in every issuer of the test PKI.
pub const TEST_ORGANISATION: &str = "TEST - not a real authority";

const PRINTABLE: u32 = 0x13;
const UTF8: u32 = 0x0C;

/// The name with these attributes, one to an RDN, in this order.
fn name(attributes: &[(ObjectIdentifier, u32, &str)]) -> Result<Name, PkiError> {
    let mut rdns = Vec::new();
    for (kind, string_tag, value) in attributes {
        let mut pair = kind.to_der()?;
        tlv::push(&mut pair, *string_tag, value.as_bytes());
        tlv::push(&mut rdns, 0x31, &tlv::encode(0x30, &pair));
    }
    Ok(Name::from_der(&tlv::encode(0x30, &rdns))?)
}

/// A CA of the citizen PKI: C, O, OU, CN.
pub(super) fn authority(common_name: &str) -> Result<Name, PkiError> {
    name(&[
        (COUNTRY_NAME, PRINTABLE, "IT"),
        (ORGANIZATION_NAME, UTF8, TEST_ORGANISATION),
        (ORGANIZATIONAL_UNIT_NAME, UTF8, "TEST PKI"),
        (CN, UTF8, common_name),
    ])
}

/// A name of the document PKI, in the order of section 6: CN first, C last.
pub(super) fn document(common_name: &str, number: Option<&str>) -> Result<Name, PkiError> {
    let mut attributes = vec![(CN, UTF8, common_name)];
    attributes.extend(number.map(|number| (SERIAL_NUMBER, PRINTABLE, number)));
    attributes.extend([
        (ORGANIZATIONAL_UNIT_NAME, UTF8, "TEST PKI"),
        (ORGANIZATION_NAME, UTF8, TEST_ORGANISATION),
        (COUNTRY_NAME, PRINTABLE, "IT"),
    ]);
    name(&attributes)
}

/// The citizen (choice 15): C, GN, SN, serialNumber = fiscal code,
/// CN = fiscal code "/" NIS.
pub(crate) fn citizen(
    given_names: &str,
    surname: &str,
    fiscal_code: &str,
    nis: &str,
) -> Result<Name, PkiError> {
    name(&[
        (COUNTRY_NAME, PRINTABLE, "IT"),
        (GIVEN_NAME, UTF8, given_names),
        (SN, UTF8, surname),
        (SERIAL_NUMBER, PRINTABLE, fiscal_code),
        (CN, UTF8, &format!("{fiscal_code}/{nis}")),
    ])
}
