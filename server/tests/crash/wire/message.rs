//! The messages of `PostgreSQL`'s protocol, as far as one has to know them to pass them on.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

pub struct Message {
    pub kind: u8,
    /// All of it, as it came.
    pub bytes: Vec<u8>,
}

const SSL_REQUEST: u32 = 80_877_103;
const GSS_REQUEST: u32 = 80_877_104;

/// What a client says first, without a type; its wishes for encryption are turned down.
pub fn read_opening(mut client: &TcpStream) -> Option<Vec<u8>> {
    loop {
        let bytes = read_rest(client, Vec::new())?;
        let code = bytes.get(4..8).map(|code| u32::from_be_bytes(code.try_into().unwrap()));
        if ![Some(SSL_REQUEST), Some(GSS_REQUEST)].contains(&code) {
            return Some(bytes);
        }
        client.write_all(b"N").ok()?;
    }
}

impl Message {
    pub fn read(mut from: &TcpStream) -> Option<Self> {
        let mut kind = [0];
        from.read_exact(&mut kind).ok()?;
        Some(Self { kind: kind[0], bytes: read_rest(from, kind.to_vec())? })
    }

    /// The `n`th of the texts with which it begins.
    pub fn text(&self, n: usize) -> Option<String> {
        let text = self.bytes.get(5..)?.split(|byte| *byte == 0).nth(n)?;
        Some(String::from_utf8_lossy(text).into_owned())
    }
}

/// The length, which counts itself, and the content.
fn read_rest(mut from: &TcpStream, mut bytes: Vec<u8>) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length).ok()?;
    bytes.extend_from_slice(&length);
    let missing = u64::from(u32::from_be_bytes(length).checked_sub(4)?);
    let read = from.take(missing).read_to_end(&mut bytes).ok()?;
    (u64::try_from(read).ok()? == missing).then_some(bytes)
}
