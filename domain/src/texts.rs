//! The words of a text message, by language.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::segments::Segments;
use crate::{Languages, OtpCode};

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
    /// Whoever gets used to links in such texts follows those of others.
    #[error("a notice has no link")]
    Link,
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

/// The text of one language that tells of a change, with `{application}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeTemplate(String);

impl NoticeTemplate {
    /// Reads a template; blanks around it do not count.
    ///
    /// # Errors
    /// [`TemplateError`], also for a link.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let text = text.trim();
        if text.chars().any(|char| char.is_control() && char != '\n') {
            return Err(TemplateError::Control);
        }
        if text.contains("://") {
            return Err(TemplateError::Link);
        }
        let rest = text.replace(APPLICATION, "");
        match rest.find(['{', '}']) {
            Some(at) => Err(TemplateError::Placeholder(rest[at..].chars().take(20).collect())),
            None => Ok(Self(text.to_owned())),
        }
    }

    fn fill(&self, application: &str) -> String {
        self.0.replace(APPLICATION, application)
    }
}

/// The entry in the language that is wanted most, else in English.
fn in_language<'t, T>(entries: &'t BTreeMap<String, T>, languages: &Languages) -> Option<&'t T> {
    languages.lookup(entries).or_else(|| entries.get(FALLBACK))
}

/// All texts of an instance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    application: String,
    templates: BTreeMap<String, Template>,
    notices: BTreeMap<String, NoticeTemplate>,
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
            notices: BTreeMap::new(),
            web_otp_domain,
            android_app_hash,
        }
    }

    /// The same, with the texts that tell users of changes, by language tag.
    #[must_use]
    pub fn with_notices(self, notices: impl IntoIterator<Item = (String, NoticeTemplate)>) -> Self {
        let notices = notices.into_iter().map(|(tag, text)| (tag.to_ascii_lowercase(), text));
        Self {
            notices: notices.collect(),
            ..self
        }
    }

    /// The text that tells somebody who reads `languages` that the account has changed. It says no more than that: a phone
    /// that was lost or stolen must not learn what the account has. It has no link, so that no text with one is from us.
    #[must_use]
    pub fn notice(&self, languages: &Languages) -> String {
        match in_language(&self.notices, languages) {
            Some(template) => template.fill(&self.application),
            None => format!(
                "{}: the sign-in settings of your account have changed.",
                self.application
            ),
        }
    }

    /// What texts call the application.
    #[must_use]
    pub fn application(&self) -> &str {
        &self.application
    }

    /// The text for somebody who reads `languages`; in English if there is none in any of them.
    #[must_use]
    pub fn text(&self, languages: &Languages, code: &OtpCode, valid_for: Duration) -> String {
        let minutes = valid_for.as_secs().div_ceil(60);
        let body = match in_language(&self.templates, languages) {
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
        let languages = Languages::default().after(locale);
        texts.text(&languages, &OtpCode::parse("012345").unwrap(), Duration::from_secs(541))
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
    fn a_notice_names_the_application_in_the_nearest_language() {
        let notice = |text: &str| NoticeTemplate::parse(text).unwrap();
        let texts = texts().with_notices([
            ("en".to_owned(), notice(" {application}: your account has changed. ")),
            ("pt-BR".to_owned(), notice("{application}: a sua conta mudou.")),
        ]);
        for (locale, expected) in [
            (None, "Acme: your account has changed."),
            (Some("de"), "Acme: your account has changed."),
            (Some("pt_BR"), "Acme: a sua conta mudou."),
        ] {
            let languages = Languages::default().after(locale);
            assert_eq!(texts.notice(&languages), expected, "{locale:?}");
        }
    }

    #[test]
    fn an_instance_without_texts_of_its_own_tells_of_changes_too() {
        let notice = texts().notice(&Languages::default().after(Some("de")));
        assert_eq!(notice, "Acme: the sign-in settings of your account have changed.");
        assert!(
            NoticeTemplate::parse(&notice).is_ok(),
            "it keeps the rules of a template"
        );
    }

    #[test]
    fn a_notice_has_no_link_and_no_code() {
        for (template, error) in [
            ("{application}: https://example.com", TemplateError::Link),
            ("{application}: {code}", TemplateError::Placeholder("{code}".to_owned())),
            ("{application} }", TemplateError::Placeholder("}".to_owned())),
            ("{application}\u{7}", TemplateError::Control),
        ] {
            assert_eq!(NoticeTemplate::parse(template), Err(error), "{template}");
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
