//! Binary columns in JSON, as `\x` and hexadecimal digits: how PostgreSQL reads and writes them as text.

use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serializer};

const DIGITS: &[u8; 16] = b"0123456789abcdef";
const PREFIX: &str = "\\x";

fn text(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digits = digits.map(|digit| char::from(DIGITS[usize::from(digit)]));
    PREFIX.chars().chain(digits).collect()
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digits = text.strip_prefix(PREFIX)?.as_bytes();
    let value = |digit: u8| DIGITS.iter().position(|known| *known == digit);
    let byte = |pair: &[u8]| {
        let [high, low] = pair else { return None };
        u8::try_from(value(*high)? << 4 | value(*low)?).ok()
    };
    digits.chunks(2).map(byte).collect()
}

pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(bytes))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    bytes(&text).ok_or_else(|| D::Error::invalid_value(Unexpected::Str("a text"), &"\\x and hexadecimal digits"))
}

/// The same for a column that may be empty.
pub(crate) mod optional {
    use serde::{Deserialize, Deserializer, Serializer};

    // Serde hands out a reference to the field, whatever its type.
    #[expect(clippy::ref_option, reason = "serde's signature")]
    pub(crate) fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => super::serialize(bytes, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
        #[derive(Deserialize)]
        struct Bytes(#[serde(with = "super")] Vec<u8>);

        Ok(Option::<Bytes>::deserialize(deserializer)?.map(|bytes| bytes.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_read_as_they_were_written() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(bytes(&text(&all)), Some(all));
        assert_eq!(text(&[0x00, 0x1f, 0xff]), "\\x001fff");
        for none in ["", "00", "\\x0", "\\x0g", "\\xAB", "\\x 1"] {
            assert_eq!(bytes(none), None, "{none}");
        }
    }
}
