//! The words of a text message, by language.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::OtpCode;
use crate::segments::Segments;

/// What a template may be filled with.
const CODE: &str = "{code}";
const APPLICATION: &str = "{application}";
const MINUTES: &str = "{minutes}";

/// The language of last resort.
pub const FALLBACK: &str = "en";

/// The text of one language, with `{code}`, `{application}` and `{minutes}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template(String);

/// Why a template is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Without it nobody could sign in.
    #[error("a template needs {{code}}, once")]
    Code,
    /// Something in braces that is not filled.
    #[error("{0:?} is none of {{code}}, {{application}} and {{minutes}}")]
    Placeholder(String),
    /// The SMS would end in the middle of nowhere, or look like two.
    #[error("a template is one line or several, without control characters")]
    Control,
}

impl Template {
    /// Reads a template; blanks around it do not count.
    ///
    /// # Errors
    /// [`TemplateError`].
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let text = text.trim();
        if text.matches(CODE).count() != 1 {
            return Err(TemplateError::Code);
        }
        if text.chars().any(|char| char.is_control() && char != '\n') {
            return Err(TemplateError::Control);
        }
        let rest = [CODE, APPLICATION, MINUTES]
            .iter()
            .fold(text.to_owned(), |text, known| text.replace(known, ""));
        match rest.find(['{', '}']) {
            Some(at) => Err(TemplateError::Placeholder(rest[at..].chars().take(20).collect())),
            None => Ok(Self(text.to_owned())),
        }
    }

    fn fill(&self, application: &str, code: &str, minutes: u64) -> String {
        // The name last: whatever braces it has are its own.
        self.0
            .replace(MINUTES, &minutes.to_string())
            .replace(CODE, code)
            .replace(APPLICATION, application)
    }
}

/// All texts of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    application: String,
    templates: BTreeMap<String, Template>,
    web_otp_domain: Option<String>,
    android_app_hash: Option<String>,
}

impl Texts {
    /// The texts of `application`, by language tags such as `de` or `pt-BR`. With a domain every text ends in the line
    /// by which browsers fill the code in (`@example.com #123456`); with a hash it holds that of the Android app
    /// (SMS Retriever).
    #[must_use]
    pub fn new(
        application: &str,
        templates: impl IntoIterator<Item = (String, Template)>,
        web_otp_domain: Option<String>,
        android_app_hash: Option<String>,
    ) -> Self {
        Self {
            application: application.to_owned(),
            templates: templates
                .into_iter()
                .map(|(tag, template)| (tag.to_ascii_lowercase(), template))
                .collect(),
            web_otp_domain,
            android_app_hash,
        }
    }

    /// What texts call the application.
    #[must_use]
    pub fn application(&self) -> &str {
        &self.application
    }

    /// The text for somebody who reads `locale`: that very tag, its language, English.
    #[must_use]
    pub fn text(&self, locale: Option<&str>, code: &OtpCode, valid_for: Duration) -> String {
        let minutes = valid_for.as_secs().div_ceil(60);
        let body = match self.template(locale) {
            Some(template) => template.fill(&self.application, code.reveal(), minutes),
            None => format!("{}: {}", self.application, code.reveal()),
        };
        self.with_lines(body, code.reveal())
    }

    fn with_lines(&self, body: String, code: &str) -> String {
        let hash = self.android_app_hash.as_ref().map(|hash| format!("\n{hash}"));
        // Browsers take it from the last line alone (the format of domain-bound one-time codes).
        let bound = self
            .web_otp_domain
            .as_ref()
            .map(|domain| format!("\n\n@{domain} #{code}"));
        [Some(body), hash, bound].into_iter().flatten().collect()
    }

    fn template(&self, locale: Option<&str>) -> Option<&Template> {
        let mut tag = locale.unwrap_or(FALLBACK).replace('_', "-").to_ascii_lowercase();
        loop {
            if let Some(template) = self.templates.get(&tag) {
                return Some(template);
            }
            match tag.rfind('-') {
                Some(at) => tag.truncate(at),
                None => return self.templates.get(FALLBACK),
            }
        }
    }

    /// The languages whose text costs more than one segment, with what it costs.
    pub fn long_ones(&self, valid_for: Duration) -> impl Iterator<Item = (&str, Segments)> {
        let minutes = valid_for.as_secs().div_ceil(60);
        self.templates.iter().filter_map(move |(tag, template)| {
            let text = template.fill(&self.application, "000000", minutes);
            let segments = Segments::of(&self.with_lines(text, "000000"));
            (segments.count > 1).then_some((tag.as_str(), segments))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts() -> Texts {
        let templates = [
            ("en", "{code} is your {application} code, for {minutes} minutes."),
            ("de", "{code} ist Ihr Code."),
            ("pt-BR", "{code} br"),
            ("pt", "{code} pt"),
        ];
        let templates = templates.map(|(tag, text)| (tag.to_owned(), Template::parse(text).unwrap()));
        Texts::new("Acme", templates, None, None)
    }

    fn text(texts: &Texts, locale: Option<&str>) -> String {
        texts.text(locale, &OtpCode::parse("012345").unwrap(), Duration::from_secs(541))
    }

    #[test]
    fn the_nearest_language_speaks() {
        let english = "012345 is your Acme code, for 10 minutes.";
        for (locale, expected) in [
            (None, english),
            (Some("en-GB"), english),
            (Some("xx"), english),
            (Some(""), english),
            (Some("de-CH-1996"), "012345 ist Ihr Code."),
            (Some("DE_at"), "012345 ist Ihr Code."),
            (Some("pt-br"), "012345 br"),
            (Some("pt-PT"), "012345 pt"),
        ] {
            assert_eq!(text(&texts(), locale), expected, "{locale:?}");
        }
    }

    #[test]
    fn lines_for_machines_come_last() {
        let texts = Texts {
            web_otp_domain: Some("example.com".to_owned()),
            android_app_hash: Some("FA+9qCX9VSu".to_owned()),
            ..texts()
        };
        assert_eq!(
            text(&texts, Some("de")),
            "012345 ist Ihr Code.\nFA+9qCX9VSu\n\n@example.com #012345"
        );
    }

    #[test]
    fn what_cannot_be_filled_is_refused() {
        for (template, error) in [
            ("no code", TemplateError::Code),
            ("{code} {code}", TemplateError::Code),
            ("{code} {name}", TemplateError::Placeholder("{name}".to_owned())),
            ("{code} }", TemplateError::Placeholder("}".to_owned())),
            ("{code}\u{0}x", TemplateError::Control),
        ] {
            assert_eq!(Template::parse(template), Err(error), "{template}");
        }
    }

    #[test]
    fn long_texts_are_named() {
        let long = Template::parse(&format!("{{code}} {}", "a".repeat(160))).unwrap();
        let texts = Texts::new(
            "Acme",
            [
                ("en".to_owned(), Template::parse("{code}").unwrap()),
                ("fr".to_owned(), long),
            ],
            None,
            None,
        );
        let found: Vec<_> = texts.long_ones(Duration::from_secs(600)).collect();
        assert_eq!(found, [("fr", Segments { count: 2, gsm: true })]);
    }

    proptest! {
        #[test]
        fn whatever_the_locale_the_code_is_in_it(locale in "\\PC{0,20}") {
            prop_assert!(text(&texts(), Some(&locale)).contains("012345"));
        }
    }
}
