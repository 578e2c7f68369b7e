//! The network: power, TLS, and lines that can be cut.

mod deliver;
mod line;
mod listen;
mod tap;
mod tls;

pub(crate) use deliver::{Body, deliver};
pub(crate) use line::{Identity, Line, Lines};
pub(crate) use listen::{Reserved, listen};
pub(crate) use tls::Certificates;
