//! Sphinx packets: sending, replying, and the node at the end of a reply's way.

use logos_crypto::secret::Secret;
use logos_mix::framing::{Framing, Message, decode_reply, encode_reply};
use logos_mix::layout::{MESSAGE_BYTES, SURB_BYTES};
use logos_mix::{
    AddressBlock, Hold, Hop, MeanDelay, MixKey, MixSecret, Packet, Sphinx, Step, Surb, SurbKeys,
};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::arguments::{MAX_BYTES, array, bytes, integer, list};
use crate::error::{Code, Error};
use crate::random::generator;
use crate::sealed::{self, Kind};

const FRAMING: Framing = Framing::Current;

/// The way of a packet, one hop after another.
#[wasm_bindgen]
#[derive(Debug, Default)]
pub struct Route(Vec<Hop>);

#[wasm_bindgen]
impl Route {
    /// A way without hops.
    ///
    /// # Errors
    ///
    /// None; it is a `Result` as every entry point is.
    #[wasm_bindgen(js_name = create)]
    pub fn new() -> Result<Self, Error> {
        Ok(Self::default())
    }

    /// Adds a mix node: its key, 32 bytes, its address, 94, and how long it holds the packet on
    /// average, in milliseconds.
    ///
    /// # Errors
    ///
    /// `argument`, or `packet` for a key that is none.
    pub fn push(&mut self, key: &JsValue, address: &JsValue, delay: &JsValue) -> Result<(), Error> {
        let key = MixKey::from_bytes(array(key, "key")?)
            .map_err(|_| Error::new(Code::Packet, "the key is not that of a mix node"))?;
        let address = AddressBlock::from_bytes(array(address, "address")?);
        let delay = u16::try_from(integer(delay, "delay", u16::MAX.into())?).unwrap_or(u16::MAX);
        let delay = MeanDelay::from_millis(delay)
            .ok_or_else(|| Error::new(Code::Argument, "delay is zero"))?;
        self.0.push(Hop { key, address, delay });
        Ok(())
    }

    /// Wraps a message for this way: 4608 bytes to send to the first hop. `surbs` are reply blocks
    /// that go with it.
    ///
    /// # Errors
    ///
    /// `argument`, `packet` or `randomness`.
    pub fn wrap(
        &self,
        destination: &JsValue,
        codec: &str,
        data: &JsValue,
        surbs: &JsValue,
    ) -> Result<Vec<u8>, Error> {
        let destination = AddressBlock::from_bytes(array(destination, "destination")?);
        let surbs = list(surbs, "surbs", 16)?;
        let surbs = surbs.iter().map(|surb| crate::arguments::exactly(surb, "surb"));
        let surbs = surbs.map(|surb| Ok(Surb::from_bytes(&surb?))).collect::<Result<_, Error>>()?;
        let message = Message { surbs, ..Message::new(codec, bytes(data, "data", MAX_BYTES)?) };
        self.wrapped(&destination, &message)
    }

    /// Makes a block for a reply that comes along this way, whose last hop is oneself.
    ///
    /// # Errors
    ///
    /// `packet` or `randomness`.
    #[wasm_bindgen(js_name = replyBlock)]
    pub fn reply_block(&self) -> Result<ReplyBlock, Error> {
        let route = logos_mix::Route::new(self.0.clone())?;
        let (surb, keys) = Sphinx::default().create_surb(&route, &mut generator()?);
        Ok(ReplyBlock { surb: surb.to_bytes(), keys: Some(keys) })
    }
}

impl Route {
    fn wrapped(&self, destination: &AddressBlock, message: &Message) -> Result<Vec<u8>, Error> {
        let route = logos_mix::Route::new(self.0.clone())?;
        let mut rng = generator()?;
        let padded = message.encode(FRAMING, &mut rng)?;
        let packet = Sphinx::default().create(&route, destination, &padded, &mut rng);
        Ok(packet.as_bytes().to_vec())
    }
}

/// A reply block, and the keys that open the reply, which stay here.
#[wasm_bindgen]
#[derive(Debug)]
pub struct ReplyBlock {
    surb: [u8; SURB_BYTES],
    keys: Option<SurbKeys>,
}

#[wasm_bindgen]
impl ReplyBlock {
    /// The block itself, 734 bytes: for whoever shall reply.
    ///
    /// # Errors
    ///
    /// None; it is a `Result` as every entry point is.
    pub fn surb(&self) -> Result<Vec<u8>, Error> {
        Ok(self.surb.to_vec())
    }

    /// Opens the reply in a packet that `MixNode.process` said is one. Once: afterwards the keys
    /// are gone.
    ///
    /// # Errors
    ///
    /// `argument`, or `packet` if the reply was changed on the way or opened before.
    pub fn open(&mut self, packet: &JsValue) -> Result<Vec<u8>, Error> {
        self.opened(&bytes(packet, "packet", MAX_BYTES)?)
    }
}

impl ReplyBlock {
    fn opened(&mut self, packet: &[u8]) -> Result<Vec<u8>, Error> {
        let mut packet = Packet::from_bytes(packet)?;
        let keys = self.keys.take();
        let keys = keys.ok_or_else(|| Error::new(Code::Packet, "the reply was opened before"))?;
        keys.open(&mut packet)?;
        decode_reply(FRAMING, packet.message()).map_err(damaged)
    }
}

/// A reply on its way.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Reply {
    first_hop: AddressBlock,
    packet: Box<Packet>,
}

#[wasm_bindgen]
impl Reply {
    /// Replies by a block, which is thereby used up: a second packet with it links the two.
    ///
    /// # Errors
    ///
    /// `argument`, `packet` or `randomness`.
    #[wasm_bindgen(js_name = create)]
    pub fn new(surb: &JsValue, data: &JsValue) -> Result<Self, Error> {
        Self::by(&array(surb, "surb")?, &bytes(data, "data", MAX_BYTES)?)
    }

    /// Where to send it, 94 bytes.
    #[wasm_bindgen(getter, js_name = firstHop)]
    #[must_use]
    pub fn first_hop(&self) -> Vec<u8> {
        self.first_hop.as_bytes().to_vec()
    }

    /// The packet, 4608 bytes.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn packet(&self) -> Vec<u8> {
        self.packet.as_bytes().to_vec()
    }
}

impl Reply {
    fn by(surb: &[u8; SURB_BYTES], data: &[u8]) -> Result<Self, Error> {
        let surb = Surb::from_bytes(surb);
        let message: [u8; MESSAGE_BYTES] = encode_reply(FRAMING, data, &mut generator()?)?;
        Ok(Self {
            first_hop: surb.first_hop(),
            packet: surb.reply(Sphinx::default().cipher(), &message),
        })
    }
}

/// The key of a mix node: to be the last hop of one's own replies.
#[wasm_bindgen]
#[derive(Debug)]
pub struct MixNode(MixSecret);

#[wasm_bindgen]
impl MixNode {
    /// Draws a key.
    ///
    /// # Errors
    ///
    /// `randomness`.
    pub fn random() -> Result<Self, Error> {
        Ok(Self(MixSecret::random(&mut generator()?)))
    }

    /// Seals the key under a 32-byte key, to be stored.
    ///
    /// # Errors
    ///
    /// `argument` or `randomness`.
    pub fn seal(&self, key: &JsValue) -> Result<Vec<u8>, Error> {
        let key = Secret::new(array(key, "key")?);
        sealed::seal(&key, Kind::MixNode, self.0.expose_secret().expose())
    }

    /// Opens a sealed key.
    ///
    /// # Errors
    ///
    /// `argument` or `sealed`.
    pub fn open(key: &JsValue, sealed: &JsValue) -> Result<Self, Error> {
        let key = Secret::new(array(key, "key")?);
        let secret = sealed::open(&key, Kind::MixNode, &bytes(sealed, "sealed", 256)?)?;
        let secret = Secret::new(crate::arguments::exactly(&secret, "sealed key")?);
        Ok(Self(MixSecret::from_secret(&secret)))
    }

    /// The public key, 32 bytes.
    ///
    /// # Errors
    ///
    /// None; it is a `Result` as every entry point is.
    #[wasm_bindgen(js_name = publicKey)]
    pub fn public_key(&self) -> Result<Vec<u8>, Error> {
        Ok(self.0.public_key().as_bytes().to_vec())
    }

    /// Takes this node's layer off a packet. There is no replay check: that is a mix's work, and a
    /// node that only receives replies opens each once.
    ///
    /// # Errors
    ///
    /// `argument`, or `packet` for one that is not for this node or was changed on the way.
    pub fn process(&self, packet: &JsValue) -> Result<MixStep, Error> {
        self.step(&bytes(packet, "packet", MAX_BYTES)?)
    }
}

impl MixNode {
    fn step(&self, packet: &[u8]) -> Result<MixStep, Error> {
        let mut packet = Packet::from_bytes(packet)?;
        let step = Sphinx::default().process(&self.0, &mut packet)?;
        Ok(MixStep { step, packet })
    }
}

/// What a packet turned out to be.
#[wasm_bindgen]
#[derive(Debug)]
pub struct MixStep {
    step: Step,
    packet: Box<Packet>,
}

#[wasm_bindgen]
impl MixStep {
    /// `forward`, `deliver` or `reply`.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn kind(&self) -> String {
        let kind = match self.step {
            Step::Forward { .. } => "forward",
            Step::Deliver { .. } => "deliver",
            Step::Reply { .. } => "reply",
            _ => "unknown",
        };
        kind.to_owned()
    }

    /// The packet, to be sent on or opened.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn packet(&self) -> Vec<u8> {
        self.packet.as_bytes().to_vec()
    }

    /// Where it goes next, 94 bytes: of `forward` the next hop, of `deliver` the destination.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn address(&self) -> Option<Vec<u8>> {
        match self.step {
            Step::Forward { next: address, .. } | Step::Deliver { destination: address } => {
                Some(address.as_bytes().to_vec())
            }
            _ => None,
        }
    }

    /// Milliseconds that a forwarded packet is held on average.
    #[wasm_bindgen(getter)]
    #[must_use]
    pub fn delay(&self) -> Option<f64> {
        match self.step {
            Step::Forward { hold: Hold::Mean(mean), .. } => Some(f64::from(mean.millis())),
            _ => None,
        }
    }

    /// The application bytes of a packet that is to be delivered.
    ///
    /// # Errors
    ///
    /// `packet` if it is of another kind, or its message is damaged.
    pub fn data(&self) -> Result<Vec<u8>, Error> {
        Ok(self.message()?.data)
    }

    /// The codec of a packet that is to be delivered.
    ///
    /// # Errors
    ///
    /// As [`MixStep::data`].
    pub fn codec(&self) -> Result<String, Error> {
        Ok(self.message()?.codec)
    }

    /// The reply blocks of a packet that is to be delivered, 734 bytes each.
    ///
    /// # Errors
    ///
    /// As [`MixStep::data`].
    pub fn surbs(&self) -> Result<Vec<u8>, Error> {
        Ok(self.message()?.surbs.iter().flat_map(Surb::to_bytes).collect())
    }
}

impl MixStep {
    fn message(&self) -> Result<Message, Error> {
        match self.step {
            Step::Deliver { .. } => {
                Message::decode(FRAMING, self.packet.message()).map_err(damaged)
            }
            _ => Err(Error::new(Code::Packet, "the packet is not to be delivered here")),
        }
    }
}

fn damaged(_: logos_crypto::codec::DecodeError) -> Error {
    Error::new(Code::Packet, "the packet's message is damaged")
}

#[cfg(test)]
mod tests {
    use logos_mix::layout::ADDRESS_BYTES;

    use super::*;

    fn route(nodes: &[&MixNode]) -> Route {
        let hop = |(at, node): (u8, &&MixNode)| Hop {
            key: node.0.public_key(),
            address: AddressBlock::from_bytes([at + 1; ADDRESS_BYTES]),
            delay: MeanDelay::MIN,
        };
        Route((0u8..).zip(nodes).map(hop).collect())
    }

    #[test]
    fn a_reply_comes_back_by_a_block_that_a_packet_carried() {
        let [a, b, own] = [0; 3].map(|_: u8| MixNode::random().unwrap());
        let mut block = route(&[&b, &a, &own]).reply_block().unwrap();
        let message = Message {
            surbs: vec![Surb::from_bytes(&block.surb)],
            ..Message::new("/app/1", b"ping".to_vec())
        };
        let packet = route(&[&a, &b]).wrapped(&AddressBlock::NONE, &message).unwrap();
        let step = a.step(&packet).unwrap();
        assert_eq!((step.kind().as_str(), step.delay()), ("forward", Some(1.0)));
        let step = b.step(&step.packet()).unwrap();
        assert_eq!(
            (step.kind().as_str(), step.data().unwrap().as_slice()),
            ("deliver", &b"ping"[..])
        );
        assert_eq!(step.codec().unwrap(), "/app/1");

        let surb = step.surbs().unwrap();
        let reply = Reply::by(&surb.try_into().unwrap(), b"pong").unwrap();
        assert_eq!(reply.first_hop(), [1; ADDRESS_BYTES]);
        let step = b.step(&reply.packet()).unwrap();
        let step = a.step(&step.packet()).unwrap();
        let step = own.step(&step.packet()).unwrap();
        assert_eq!(step.kind(), "reply");
        assert_eq!(block.opened(&step.packet()).unwrap(), b"pong");
        let again = block.opened(&step.packet()).map_err(|error| error.code());
        assert_eq!(again, Err(Code::Packet));
    }

    #[test]
    fn packets_that_are_none_are_refused() {
        let node = MixNode::random().unwrap();
        let code = |packet: &[u8]| node.step(packet).map(|_| ()).map_err(|error| error.code());
        assert_eq!(code(&[0; 10]), Err(Code::Packet));
        assert_eq!(code(&[9; 4608]), Err(Code::Packet));
        assert_eq!(Route::default().reply_block().map_err(|e| e.code()).err(), Some(Code::Packet));
    }
}
