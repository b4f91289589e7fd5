use serde::{Deserialize, Deserializer};

/// A list of words: an array in a file, `a,b` in the environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct List(pub Vec<String>);

impl<'de> Deserialize<'de> for List {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Spelled {
            Array(Vec<String>),
            Text(String),
        }
        let words = match Spelled::deserialize(deserializer)? {
            Spelled::Array(words) => words,
            Spelled::Text(text) => text.split(',').map(str::to_owned).collect(),
        };
        Ok(Self(
            words
                .iter()
                .map(|word| word.trim().to_owned())
                .filter(|word| !word.is_empty())
                .collect(),
        ))
    }
}
