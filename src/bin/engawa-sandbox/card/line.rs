//! vpcd's wire: two bytes of length, then the payload. One byte is an order to the card, anything else a command.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use socket2::SockRef;

/// What the reader says.
#[derive(Debug)]
pub(super) enum Message {
    PowerOff,
    PowerOn,
    Reset,
    /// Wants the answer to reset.
    Atr,
    Command(Vec<u8>),
}

/// The connection to one slot. vpcd sends length and payload apart, and without an acknowledgement at once it waits
/// more than 40 ms for each command.
pub(super) struct Line(TcpStream);

const PATIENCE: Duration = Duration::from_secs(2);

impl Line {
    /// Puts the card into a slot of vpcd.
    pub(super) fn connect(host: &str, port: u16) -> io::Result<Self> {
        let mut refused = io::ErrorKind::AddrNotAvailable.into();
        for address in (host, port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Ok(Self(stream));
                }
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    /// A second hold on the same connection, to cut it.
    pub(super) fn other_end(&self) -> io::Result<TcpStream> {
        self.0.try_clone()
    }

    /// Waits for what the reader says.
    pub(super) fn receive(&mut self) -> io::Result<Message> {
        let mut length = [0; 2];
        self.fill(&mut length)?;
        let mut payload = vec![0; usize::from(u16::from_be_bytes(length))];
        self.fill(&mut payload)?;
        Ok(match payload[..] {
            [0] => Message::PowerOff,
            [1] => Message::PowerOn,
            [2] => Message::Reset,
            [4] => Message::Atr,
            _ => Message::Command(payload),
        })
    }

    /// Answers, in one piece.
    pub(super) fn send(&mut self, payload: &[u8]) -> io::Result<()> {
        let length = u16::try_from(payload.len()).map_err(|_| io::ErrorKind::InvalidData)?;
        let mut message = length.to_be_bytes().to_vec();
        message.extend_from_slice(payload);
        self.0.write_all(&message)
    }

    /// Whether the reader has gone while the card was silent.
    pub(super) fn is_cut(&self) -> bool {
        let _ = self.0.set_nonblocking(true);
        let seen = self.0.peek(&mut [0]);
        let _ = self.0.set_nonblocking(false);
        match seen {
            Ok(bytes) => bytes == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }

    fn fill(&mut self, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            // The option lasts for one acknowledgement.
            SockRef::from(&self.0).set_tcp_quickack(true)?;
            let read = self.0.read(buffer)?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            buffer = buffer.get_mut(read..).unwrap_or_default();
        }
        SockRef::from(&self.0).set_tcp_quickack(true)
    }
}
