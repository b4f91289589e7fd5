//! The parameters of a request, whether they came as a form or as JSON.

use std::collections::BTreeMap;
use std::fmt;

use percent_encoding::percent_decode;
use phoneproof_domain::{E164, Policy};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::http::present::error::ApiError;

/// The parameters by name. Each getter says in the contract's words what is wrong with one;
/// parameters that nobody asks for are ignored (the SDKs send some on their own).
#[derive(Debug, Default)]
pub(crate) struct Params(BTreeMap<String, Param>);

#[derive(Debug)]
enum Param {
    /// Texts of a form or query; several if the name stood there several times.
    Form(Vec<String>),
    Json(Value),
    /// A name that stood twice in a JSON object.
    Twice,
}

impl Params {
    /// Reads `a=1&b=2`. Bytes that are not UTF-8 are refused, not replaced.
    pub(crate) fn from_form(text: &[u8]) -> Result<Self, ApiError> {
        let mut params = BTreeMap::new();
        for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let at = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            let name = decoded(&pair[..at])?;
            let value = decoded(pair.get(at + 1..).unwrap_or_default())?;
            // `code[]=1` and `code[0]=1` are how some clients write the array `code`.
            let (name, array) = match name.split_once('[') {
                Some((name, _)) => (name.to_owned(), true),
                None => (name, false),
            };
            let Param::Form(values) = params.entry(name).or_insert_with(|| Param::Form(Vec::new())) else {
                continue;
            };
            values.push(value);
            if array && values.len() == 1 {
                // Told apart from a plain value by an empty companion that `list` drops.
                values.push(String::new());
            }
        }
        Ok(Self(params))
    }

    /// Reads a JSON object, or `null`, which some clients send where they have no parameters.
    pub(crate) fn from_json(text: &[u8]) -> Result<Self, ApiError> {
        let given: Option<Self> = serde_json::from_slice(text).map_err(|_| ApiError::BodyMalformed)?;
        Ok(given.unwrap_or_default())
    }

    /// Whether the parameter is there at all, be it empty.
    pub(crate) fn has(&self, name: &str) -> bool {
        !matches!(self.0.get(name), None | Some(Param::Json(Value::Null)))
    }

    /// A text; `Some("")` if it is there but empty.
    pub(crate) fn text(&self, name: &'static str) -> Result<Option<&str>, ApiError> {
        match self.0.get(name) {
            None | Some(Param::Json(Value::Null)) => Ok(None),
            Some(Param::Form(values)) if values.len() == 1 => Ok(values.first().map(String::as_str)),
            Some(Param::Json(Value::String(text))) => Ok(Some(text)),
            Some(_) => Err(ApiError::ParamType(name)),
        }
    }

    /// A text; an empty one means "not given" (contract 2.1).
    pub(crate) fn given(&self, name: &'static str) -> Result<Option<&str>, ApiError> {
        Ok(self.text(name)?.filter(|text| !text.is_empty()))
    }

    /// A text that must be there and not empty.
    pub(crate) fn required(&self, name: &'static str) -> Result<&str, ApiError> {
        match self.text(name)? {
            None => Err(ApiError::ParamMissing(name)),
            Some(text) if text.trim().is_empty() => Err(ApiError::ParamNil(name)),
            Some(text) => Ok(text),
        }
    }

    /// A phone number as somebody spells it, if it is given.
    pub(crate) fn number(&self, name: &'static str, policy: &Policy) -> Result<Option<E164>, ApiError> {
        let spelled = self.given(name)?;
        spelled.map(|spelled| parsed(spelled, name, policy)).transpose()
    }

    /// A phone number that must be there.
    pub(crate) fn required_number(&self, name: &'static str, policy: &Policy) -> Result<E164, ApiError> {
        parsed(self.required(name)?, name, policy)
    }

    /// Whether the parameter is there with a value: neither null nor an empty text or list.
    pub(crate) fn has_value(&self, name: &str) -> bool {
        match self.0.get(name) {
            None | Some(Param::Json(Value::Null)) => false,
            Some(Param::Form(values)) => values.iter().any(|value| !value.is_empty()),
            Some(Param::Json(Value::String(text))) => !text.is_empty(),
            Some(Param::Json(Value::Array(values))) => !values.is_empty(),
            Some(Param::Json(_) | Param::Twice) => true,
        }
    }

    /// Refuses by name what Clerk's instances take here and this one does not: nobody shall believe that it was heeded.
    pub(crate) fn refuse(&self, unbuilt: &[&'static str]) -> Result<(), ApiError> {
        match unbuilt.iter().find(|name| self.has_value(name)) {
            Some(name) => Err(ApiError::ParamUnknown(name)),
            None => Ok(()),
        }
    }

    /// The page of a list that is asked for (contract 8.1): how many, and after how many.
    pub(crate) fn page(&self) -> Result<(u32, u64), ApiError> {
        let limit = u32::try_from(self.integer("limit")?.unwrap_or(10));
        let limit = limit.ok().filter(|limit| (1..=500).contains(limit));
        let offset = u64::try_from(self.integer("offset")?.unwrap_or(0));
        let offset = offset.ok().filter(|offset| i64::try_from(*offset).is_ok());
        Ok((
            limit.ok_or(ApiError::ParamValue("limit"))?,
            offset.ok_or(ApiError::ParamValue("offset"))?,
        ))
    }

    /// `true` or `false`.
    pub(crate) fn flag(&self, name: &'static str) -> Result<Option<bool>, ApiError> {
        if let Some(Param::Json(Value::Bool(flag))) = self.0.get(name) {
            return Ok(Some(*flag));
        }
        match self.given(name)? {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(ApiError::ParamType(name)),
        }
    }

    /// A whole number.
    pub(crate) fn integer(&self, name: &'static str) -> Result<Option<i64>, ApiError> {
        if let Some(Param::Json(Value::Number(number))) = self.0.get(name) {
            return number.as_i64().map(Some).ok_or(ApiError::ParamType(name));
        }
        self.given(name)?
            .map(|text| text.parse().map_err(|_| ApiError::ParamType(name)))
            .transpose()
    }

    /// A JSON object, or the JSON text of one.
    pub(crate) fn object(&self, name: &'static str) -> Result<Option<Map<String, Value>>, ApiError> {
        if let Some(Param::Json(Value::Object(object))) = self.0.get(name) {
            return Ok(Some(object.clone()));
        }
        self.given(name)?
            .map(|text| serde_json::from_str(text).map_err(|_| ApiError::ParamType(name)))
            .transpose()
    }

    /// Texts: a JSON array of them, a name that stands several times, or a single one.
    pub(crate) fn list(&self, name: &'static str) -> Result<Option<Vec<&str>>, ApiError> {
        match self.0.get(name) {
            Some(Param::Form(values)) => Ok(Some(
                values
                    .iter()
                    .map(String::as_str)
                    .filter(|value| !value.is_empty())
                    .collect(),
            )),
            Some(Param::Json(Value::Array(values))) => values
                .iter()
                .map(|value| value.as_str().ok_or(ApiError::ParamType(name)))
                .collect::<Result<_, _>>()
                .map(Some),
            _ => Ok(self.text(name)?.map(|text| vec![text])),
        }
    }

    /// Texts, at least one.
    pub(crate) fn required_list(&self, name: &'static str) -> Result<Vec<&str>, ApiError> {
        match self.list(name)? {
            None => Err(ApiError::ParamMissing(name)),
            Some(texts) if texts.is_empty() => Err(ApiError::ParamNil(name)),
            Some(texts) => Ok(texts),
        }
    }
}

fn decoded(text: &[u8]) -> Result<String, ApiError> {
    let spaced: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    percent_decode(&spaced)
        .decode_utf8()
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| ApiError::BodyMalformed)
}

impl<'de> Deserialize<'de> for Params {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Params;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Params, A::Error> {
                let mut params = BTreeMap::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    let twice = params.contains_key(&name);
                    params.insert(name, if twice { Param::Twice } else { Param::Json(value) });
                }
                Ok(Params(params))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

/// A phone number as somebody spells it.
pub(crate) fn parsed(spelled: &str, name: &'static str, policy: &Policy) -> Result<E164, ApiError> {
    let parsed = policy.parse_number(spelled);
    parsed.map_err(|error| ApiError::Number(error, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Params {
        Params::from_form(text.as_bytes()).unwrap()
    }

    fn json(text: &str) -> Params {
        Params::from_json(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_form_and_json_say_the_same() {
        for params in [
            form("phone_number=%2B1+415&on=true&off=false&none="),
            json(r#"{"phone_number":"+1 415","on":true,"off":false,"none":null}"#),
        ] {
            assert_eq!(params.required("phone_number").unwrap(), "+1 415");
            assert_eq!(params.flag("on").unwrap(), Some(true));
            assert_eq!(params.flag("off").unwrap(), Some(false));
            assert_eq!(params.flag("none").unwrap(), None);
            assert_eq!(params.given("none").unwrap(), None);
            assert!(matches!(
                params.required("absent"),
                Err(ApiError::ParamMissing("absent"))
            ));
        }
        assert!(matches!(
            form("code=").required("code"),
            Err(ApiError::ParamNil("code"))
        ));
    }

    #[test]
    fn one_value_is_never_guessed_out_of_several() {
        for params in [
            form("code=123456&code=654321"),
            form("code[]=123456"),
            form("code[0]=123456"),
            json(r#"{"code":["123456"]}"#),
            json(r#"{"code":123456}"#),
            json(r#"{"code":"1","code":"2"}"#),
            json(r#"{"code":{"a":1}}"#),
        ] {
            assert!(
                matches!(params.required("code"), Err(ApiError::ParamType("code"))),
                "{params:?}"
            );
        }
        assert!(matches!(
            form("reserved=maybe").flag("reserved"),
            Err(ApiError::ParamType(_))
        ));
        assert!(matches!(
            json(r#"{"reserved":1}"#).flag("reserved"),
            Err(ApiError::ParamType(_))
        ));
    }

    #[test]
    fn lists_are_lists_however_they_come() {
        for params in [form("n=a&n=b"), form("n[]=a&n[]=b"), json(r#"{"n":["a","b"]}"#)] {
            assert_eq!(params.list("n").unwrap(), Some(vec!["a", "b"]));
        }
        assert_eq!(form("n=a").list("n").unwrap(), Some(vec!["a"]));
        assert_eq!(json("{}").list("n").unwrap(), None);
    }

    #[test]
    fn a_json_null_has_no_parameters() {
        for text in ["null", " null\n"] {
            let params = Params::from_json(text.as_bytes()).unwrap();
            assert!(params.0.is_empty(), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_utf8_or_no_object_is_refused() {
        assert!(Params::from_form(b"code=%ff").is_err());
        assert!(Params::from_form(b"code=\xff").is_err());
        for text in ["", "[]", "\"a\"", "{", "{\"a\":1}x", "null x", "false", "0"] {
            assert!(Params::from_json(text.as_bytes()).is_err(), "{text}");
        }
        assert!(Params::from_json(b"{\"a\":\"\xff\"}").is_err());
    }
}
