//! What a message of a chat says, in the frames of the deployed chat.

use logos_crypto::codec::DecodeError;
use logos_crypto::protobuf::{fields, put_bytes, put_u64};

/// The domain of what every chat knows.
const DOMAIN: u32 = 0;
/// Text, in that domain.
const TEXT: u32 = 0;
/// Text as UTF-8.
const UTF_8: u32 = 0;

/// `ContentFrame`: something said, and what kind of thing it is.
///
/// | field | number | |
/// |---|---|---|
/// | `domain` | 1 | who defined the kind; 0 for what every chat knows |
/// | `tag` | 2 | the kind |
/// | `bytes` | 3 | what is said |
///
/// # Examples
///
/// ```
/// use logos_node::chat::{Content, ContentFrame};
///
/// let frame = Content::Text("Hi Raya".to_owned()).to_frame();
/// let read = ContentFrame::decode(&frame.encode())?;
/// assert_eq!(Content::of(read), Content::Text("Hi Raya".to_owned()));
/// # Ok::<(), logos_crypto::codec::DecodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentFrame {
    /// Who defined the kind.
    pub domain: u32,
    /// The kind.
    pub tag: u32,
    /// What is said.
    pub bytes: Vec<u8>,
}

impl ContentFrame {
    /// The protobuf bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.bytes.len() + 16);
        put_u64(&mut out, 1, self.domain.into());
        put_u64(&mut out, 2, self.tag.into());
        put_bytes(&mut out, 3, &self.bytes);
        out
    }

    /// Reads a frame.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if the bytes are not its canonical protobuf.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut frame = Self { domain: 0, tag: 0, bytes: Vec::new() };
        fields(bytes, &[], |number, value| {
            match number {
                1 => frame.domain = nonzero(value.u32()?)?,
                2 => frame.tag = nonzero(value.u32()?)?,
                3 => frame.bytes = value.bytes()?.to_vec(),
                _ => return Err(DecodeError::NotCanonical),
            }
            if number == 3 && frame.bytes.is_empty() {
                return Err(DecodeError::NotCanonical);
            }
            Ok(())
        })?;
        Ok(frame)
    }
}

/// A frame whose kind is known, or not.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// `TextFrame`: `encoding` 1, 0 for UTF-8; `text` 2.
    Text(String),
    /// Something that a later chat understands.
    Other(ContentFrame),
}

impl Content {
    /// What a frame says.
    #[must_use]
    pub fn of(frame: ContentFrame) -> Self {
        let text = (frame.domain == DOMAIN && frame.tag == TEXT).then(|| text(&frame.bytes).ok());
        match text.flatten() {
            Some(text) => Self::Text(text),
            None => Self::Other(frame),
        }
    }

    /// The frame that says it.
    #[must_use]
    pub fn to_frame(&self) -> ContentFrame {
        match self {
            Self::Text(text) => {
                let mut bytes = Vec::with_capacity(text.len() + 8);
                put_u64(&mut bytes, 1, UTF_8.into());
                put_bytes(&mut bytes, 2, text.as_bytes());
                ContentFrame { domain: DOMAIN, tag: TEXT, bytes }
            }
            Self::Other(frame) => frame.clone(),
        }
    }
}

fn text(bytes: &[u8]) -> Result<String, DecodeError> {
    let mut text = String::new();
    fields(bytes, &[], |number, value| match number {
        2 if !value.text()?.is_empty() => {
            value.text()?.clone_into(&mut text);
            Ok(())
        }
        _ => Err(DecodeError::NotCanonical),
    })?;
    Ok(text)
}

const fn nonzero(value: u32) -> Result<u32, DecodeError> {
    if value == 0 { Err(DecodeError::NotCanonical) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_is_framed_as_deployed() {
        let frame = Content::Text("hi".to_owned()).to_frame();
        assert_eq!(frame.encode(), [0x1a, 4, 0x12, 2, b'h', b'i']);
    }

    #[test]
    fn what_is_not_known_is_kept() {
        let other = ContentFrame { domain: 7, tag: 1, bytes: vec![1] };
        assert_eq!(Content::of(other.clone()), Content::Other(other));
        let latin = ContentFrame { domain: 0, tag: 0, bytes: vec![8, 1, 0x12, 1, b'a'] };
        assert_eq!(Content::of(latin.clone()), Content::Other(latin));
    }

    proptest! {
        #[test]
        fn decoding_inverts_encoding(domain: u32, tag: u32, bytes: Vec<u8>, text: String) {
            let frame = ContentFrame { domain, tag, bytes };
            prop_assert_eq!(ContentFrame::decode(&frame.encode()), Ok(frame));
            let said = Content::Text(text);
            prop_assert_eq!(Content::of(said.to_frame()), said);
        }

        #[test]
        fn one_frame_has_one_form(bytes: Vec<u8>) {
            if let Ok(frame) = ContentFrame::decode(&bytes) {
                prop_assert_eq!(frame.encode(), bytes);
            }
        }
    }
}
