//! Where a request stands in the trace of whoever sent it.

use http::HeaderMap;

/// The header of W3C Trace Context.
const HEADER: &str = "traceparent";
/// `00-` and 32 digits, `-` and 16 digits, `-` and 2 digits.
const LENGTH: usize = 55;

/// A span of the caller's: `traceparent` of [W3C Trace Context](https://www.w3.org/TR/trace-context).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace.
    pub trace: [u8; 16],
    /// The span in it.
    pub span: [u8; 8],
    /// Does the caller record it?
    pub is_sampled: bool,
}

impl TraceParent {
    /// What the headers of a request say. A header that is none, or that is there twice, says
    /// nothing.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(HEADER).iter();
        let value = values.next()?;
        if values.next().is_some() { None } else { Self::parse(value.to_str().ok()?) }
    }

    /// Reads a header's value. Later versions may have more behind a further `-`.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let (known, more) = value.split_at_checked(LENGTH)?;
        let mut fields = known.split('-');
        let [version] = digits(fields.next()?)?;
        let (trace, span) = (digits(fields.next()?)?, digits(fields.next()?)?);
        let [flags] = digits(fields.next()?)?;
        let goes_on =
            if version == 0 { more.is_empty() } else { more.is_empty() || more.starts_with('-') };
        let is_valid = goes_on && version != 0xff && trace != [0; 16] && span != [0; 8];
        is_valid.then_some(Self { trace, span, is_sampled: flags & 1 == 1 })
    }
}

/// Exactly as many bytes in lower-case digits.
fn digits<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    crate::hex::decode(text).ok()?.as_slice().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_example_of_the_standard_is_read() {
        let parent = TraceParent::parse(VALID).unwrap();
        assert_eq!(crate::hex::encode(&parent.trace), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(crate::hex::encode(&parent.span), "00f067aa0ba902b7");
        assert!(parent.is_sampled);
        let unsampled = TraceParent::parse(&VALID.replace("-01", "-00")).unwrap();
        assert!(!unsampled.is_sampled);
        let later = format!("cc{}-what-will-be", &VALID[2..]);
        assert_eq!(TraceParent::parse(&later), Some(parent));
    }

    #[test]
    fn what_is_no_parent_is_none() {
        let zero = |digits: &str| VALID.replace(digits, &"0".repeat(digits.len()));
        for wrong in [
            String::new(),
            VALID[..54].to_owned(),
            format!("{VALID}-more"),
            format!("cc{}more", &VALID[2..]),
            format!("ff{}", &VALID[2..]),
            VALID.to_uppercase(),
            VALID.replace("4bf9", "4bg9"),
            VALID.replace('-', "_"),
            zero("4bf92f3577b34da6a3ce929d0e0e4736"),
            zero("00f067aa0ba902b7"),
            format!("{}\u{e9}{}", &VALID[..53], "11"),
        ] {
            assert_eq!(TraceParent::parse(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn two_headers_are_none() {
        let mut headers = HeaderMap::new();
        assert_eq!(TraceParent::of(&headers), None);
        headers.append(HEADER, VALID.parse().unwrap());
        assert!(TraceParent::of(&headers).is_some());
        headers.append(HEADER, VALID.parse().unwrap());
        assert_eq!(TraceParent::of(&headers), None);
    }
}
