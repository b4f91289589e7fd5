//! The words of the texts: those compiled in, and the files of an operator over them.

use std::path::Path;

use phoneproof_domain::{NoticeTemplate, Template, TemplateError, Texts};

use super::ConfigError;
use super::file::{Application, Sms};

macro_rules! built_in {
    ($($tag:literal),*) => {
        &[$((
            $tag,
            include_str!(concat!("../../../config/messages/", $tag, ".txt")),
            include_str!(concat!("../../../config/messages/notice/", $tag, ".txt")),
        )),*]
    };
}

/// Language tag, template of a code, and text that tells of a change.
const BUILT_IN: &[(&str, &str, &str)] = built_in!(
    "da", "de", "en", "es", "fi", "fr", "it", "ja", "nb", "nl", "pl", "pt", "sv", "tr", "uk", "zh"
);

pub(super) fn texts(application: &Application, sms: &Sms) -> Result<Texts, ConfigError> {
    let name = application.name.trim();
    if name.is_empty() || name.chars().count() > 60 || name.chars().any(char::is_control) {
        return Err(ConfigError::at("application.name", "not a name of 1 to 60 characters"));
    }
    let mut templates = Vec::new();
    let mut notices = Vec::new();
    for (tag, code, notice) in BUILT_IN {
        let template = Template::parse(code).map_err(|error| ConfigError::at(tag, error))?;
        templates.push(((*tag).to_owned(), template));
        let notice = NoticeTemplate::parse(notice).map_err(|error| ConfigError::at(tag, error))?;
        notices.push(((*tag).to_owned(), notice));
    }
    if let Some(folder) = &sms.messages {
        templates.extend(overrides(folder, Template::parse)?);
        let folder = folder.join("notice");
        if folder.is_dir() {
            notices.extend(overrides(&folder, NoticeTemplate::parse)?);
        }
    }
    Ok(Texts::new(
        name,
        templates,
        web_otp_domain(sms.web_otp_domain.as_deref())?,
        app_hash(sms.android_app_hash.as_deref())?,
    )
    .with_notices(notices))
}

/// `de.txt`, `pt-BR.txt` and so on.
fn overrides<T>(
    folder: &Path,
    parse: impl Fn(&str) -> Result<T, TemplateError>,
) -> Result<Vec<(String, T)>, ConfigError> {
    let problem = |path: &Path, what: &dyn std::fmt::Display| {
        ConfigError::at("sms.messages", format!("{}: {what}", path.display()))
    };
    let entries = std::fs::read_dir(folder).map_err(|error| problem(folder, &error))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| problem(folder, &error))?.path();
        let tag = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if path.extension().is_none_or(|extension| extension != "txt") {
            continue;
        }
        let is_tag = !tag.is_empty() && tag.chars().all(|char| char.is_ascii_alphanumeric() || char == '-');
        if !is_tag {
            return Err(problem(
                &path,
                &"the name is no language tag, such as de.txt or pt-BR.txt",
            ));
        }
        let text = std::fs::read_to_string(&path).map_err(|error| problem(&path, &error))?;
        let template = parse(&text).map_err(|error| problem(&path, &error))?;
        found.push((tag.to_owned(), template));
    }
    Ok(found)
}

fn web_otp_domain(domain: Option<&str>) -> Result<Option<String>, ConfigError> {
    let Some(domain) = domain else { return Ok(None) };
    let fits = domain.contains('.')
        && domain
            .split('.')
            .all(|label| !label.is_empty() && label.chars().all(|char| char.is_ascii_alphanumeric() || char == '-'));
    if fits {
        Ok(Some(domain.to_ascii_lowercase()))
    } else {
        Err(ConfigError::at(
            "sms.web_otp_domain",
            format!("{domain:?} is no domain, such as example.com"),
        ))
    }
}

fn app_hash(hash: Option<&str>) -> Result<Option<String>, ConfigError> {
    let Some(hash) = hash else { return Ok(None) };
    let fits = hash.len() == 11
        && hash
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"+/".contains(&byte));
    if fits {
        Ok(Some(hash.to_owned()))
    } else {
        let problem = "not the 11 characters that Google's AppSignatureHelper prints";
        Err(ConfigError::at("sms.android_app_hash", problem))
    }
}
