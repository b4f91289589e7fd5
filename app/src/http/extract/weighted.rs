//! Lists with weights, such as `Accept-Language: ca, es;q=0.9` (RFC 9110 §12.4.2).

use actix_web::http::header::{HeaderMap, HeaderName};

/// At most so many entries of one list are read: browsers send a handful.
const MOST: usize = 32;

/// The entries of a list with their weights in thousandths, in the order in which they were sent, over all lines of the
/// header. An entry without a weight has 1000; one whose weight is none is left out, and so is what is no text.
pub(crate) fn weighted(headers: &HeaderMap, name: &HeaderName) -> Vec<(String, u16)> {
    headers
        .get_all(name)
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|entry| std::str::from_utf8(entry).ok())
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .take(MOST)
        .filter_map(|entry| {
            let mut parts = entry.split(';').map(str::trim);
            let item = parts.next().filter(|item| !item.is_empty())?;
            let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            Some((item.to_owned(), weight.map_or(Some(1000), thousandths)?))
        })
        .collect()
}

/// Reads `0`, `0.9`, `0.125`, `1` or `1.000` and nothing else: at most three digits after the point, and at most 1.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fraction: u16 = format!("{fraction:0<3}").parse().ok()?;
    match (whole, fraction) {
        ("0", fraction) => Some(fraction),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{ACCEPT_LANGUAGE, HeaderValue};

    use super::*;

    fn read(lines: &[&[u8]]) -> Vec<(String, u16)> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(ACCEPT_LANGUAGE, HeaderValue::from_bytes(line).unwrap());
        }
        weighted(&headers, &ACCEPT_LANGUAGE)
    }

    fn list(entries: &[(&str, u16)]) -> Vec<(String, u16)> {
        entries
            .iter()
            .map(|(item, weight)| ((*item).to_owned(), *weight))
            .collect()
    }

    #[test]
    fn entries_have_their_weights() {
        assert_eq!(read(&[b"ca, es;q=0.9"]), list(&[("ca", 1000), ("es", 900)]));
        assert_eq!(
            read(&[b"de-CH ; q=0 ,fr;Q=1.000,*;q=0.125"]),
            list(&[("de-CH", 0), ("fr", 1000), ("*", 125)])
        );
        assert_eq!(read(&[b"de;q=1.", b"fr;q=0."]), list(&[("de", 1000), ("fr", 0)]));
        assert_eq!(read(&[b"gzip;x=1;q=0.5"]), list(&[("gzip", 500)]));
    }

    #[test]
    fn what_is_malformed_spoils_nothing_else() {
        for broken in [
            &b"q=0.5"[..],
            b"xx;q=2",
            b"xx;q=1.001",
            b"xx;q=-1",
            b"xx;q=0.1234",
            b"xx;q=",
            b"\xe9",
            b",, ;q=1",
        ] {
            let mut line = broken.to_vec();
            line.extend_from_slice(b", es;q=0.9");
            let found = read(&[&line]);
            assert_eq!(
                found.last(),
                list(&[("es", 900)]).last(),
                "{}",
                String::from_utf8_lossy(broken)
            );
            assert!(found.iter().all(|(item, _)| item != "xx"), "{found:?}");
        }
        assert_eq!(read(&[]), list(&[]));
        assert_eq!(read(&[&b"a,".repeat(1000)]).len(), MOST);
    }
}
