//! Pairing: windows are opened by an administrator, and used up by a terminal that knows the code.

use std::collections::BTreeSet;
use std::net::IpAddr;

use aws_lc_rs::rand;
use ipnet::IpNet;
use jiff::Timestamp;
use qrcode::QrCode;
use qrcode::render::svg;
use zeroize::Zeroizing;

use super::inventory::{Kind, TerminalId, WindowRecord};
use super::key::{NoRandomness, SecretHash};
use super::keys::NewKey;
use super::pairing::{OPEN_FOR, WINDOWS, neighbourhood, window_of};
use super::terminals::{Certificate, Terminals};
use super::{ApiKey, Caller, Credential, KeyRecord, PairingCode, Person, Right, TerminalError, stored};
use crate::model::hex;
use crate::store::{self, OpenPairing, ShutPairing, TerminalRow, UsePairing, WrongCode};

/// For how long windows that are over are kept, for who wonders what became of one.
const FORGET_AFTER: jiff::SignedDuration = jiff::SignedDuration::from_hours(30 * 24);

/// A window to be opened.
#[derive(Clone, Debug)]
pub struct NewWindow {
    /// On whose behalf the terminal will act.
    pub facility: String,
    /// What to call it; 1 to 64 characters.
    pub label: String,
    /// How it will prove itself.
    pub kind: Kind,
    /// What it will be allowed.
    pub rights: BTreeSet<Right>,
    /// The account it will be bound to.
    pub person: Option<String>,
    /// Of kind `Key`: where alone the key may be used; empty: from where it is paired.
    pub networks: Vec<IpNet>,
    /// The id of the administrator's credential.
    pub opened_by: String,
}

/// A window just opened. The code is shown this once.
pub struct Opened {
    /// The window.
    pub record: WindowRecord,
    /// Its code.
    pub code: PairingCode,
    /// Address, code and fingerprint, as the QR code holds them.
    pub link: Zeroizing<String>,
    /// The same as a picture.
    pub qr_svg: Zeroizing<String>,
}

/// What a terminal offers to pair.
pub struct Offer {
    /// The code.
    pub code: PairingCode,
    /// A PKCS#10 request in PEM, of software.
    pub csr: Option<String>,
    /// Whether it is a browser's page of the box itself, over TLS: elsewhere a cookie would be refused.
    pub browser: bool,
    /// From where.
    pub from: IpAddr,
}

/// What a terminal gets. Secrets are shown this once.
pub enum Paired {
    /// A certificate.
    Software {
        /// The terminal.
        id: TerminalId,
        /// Of what the administrator called it.
        label: String,
        /// Its first certificate.
        certificate: Certificate,
    },
    /// A cookie.
    Browser {
        /// The terminal.
        id: TerminalId,
        /// Of what the administrator called it.
        label: String,
        /// The cookie's value.
        cookie: Zeroizing<String>,
    },
    /// A key.
    Key {
        /// The key.
        key: ApiKey,
        /// Its record.
        record: KeyRecord,
    },
}

impl Terminals {
    /// Opens a window.
    ///
    /// # Errors
    /// `NoLan`, `Windows`, `Store` and `Randomness` of [`TerminalError`].
    pub async fn open_window(&self, new: NewWindow) -> Result<Opened, TerminalError> {
        if new.kind != Kind::Key && self.0.authority.is_none() {
            return Err(TerminalError::NoLan);
        }
        // Under the lock of the tries: a code tried meanwhile sees the window or does not.
        let _locks = self.0.locks.lock().await;
        let now = self.0.clock.latest();
        let open = self.0.store.pairings(now.as_millisecond()).await?;
        // Of this facility alone: the administrator of one keeps nobody of another from pairing.
        if open.iter().filter(|row| row.facility == new.facility).count() >= WINDOWS {
            return Err(TerminalError::Windows);
        }
        let code = PairingCode::generate()?;
        let record = WindowRecord {
            id: TerminalId::generate()?,
            facility: new.facility,
            label: new.label,
            kind: new.kind,
            rights: new.rights,
            person: new.person,
            networks: new.networks,
            opened_by: new.opened_by,
            opened_at: now,
            ends_at: now.saturating_add(OPEN_FOR).unwrap_or(Timestamp::MAX),
            tries_left: super::pairing::TRIES,
            code: code.hash(&self.0.config.secret),
        };
        let forget_before = now.saturating_sub(FORGET_AFTER).unwrap_or(Timestamp::MIN).as_millisecond();
        self.0.store.write(OpenPairing { row: record.row(), forget_before }).await?;
        let link = self.link(&code);
        let qr_svg = Zeroizing::new(picture(&link));
        Ok(Opened { record, code, link, qr_svg })
    }

    /// The windows of a facility that are open or worn out, oldest first.
    ///
    /// # Errors
    /// `Store` of [`TerminalError`].
    pub async fn windows(&self, facility: &str) -> Result<Vec<WindowRecord>, TerminalError> {
        let rows = self.0.store.pairings(self.0.clock.latest().as_millisecond()).await?;
        let own = rows.iter().filter(|row| row.facility == facility);
        Ok(super::readable(own.map(WindowRecord::of)))
    }

    /// Shuts a window of a facility before its time.
    ///
    /// # Errors
    /// `Absent` and `Store` of [`TerminalError`].
    pub async fn shut_window(&self, facility: &str, id: &TerminalId) -> Result<(), TerminalError> {
        let at = self.0.clock.latest().as_millisecond();
        let shut = ShutPairing { id: id.to_string(), facility: facility.to_owned(), at };
        if self.0.store.write(shut).await? { Ok(()) } else { Err(TerminalError::Absent) }
    }

    /// Whether an address may try a code; asked before the code is read, so that a locked one learns nothing more.
    ///
    /// # Errors
    /// `Locked` of [`TerminalError`].
    pub async fn may_try(&self, from: IpAddr) -> Result<(), TerminalError> {
        let locks = self.0.locks.lock().await;
        locked(&locks, from, self.0.clock.elapsed())
    }

    /// Takes a terminal in that knows the code of an open window. A wrong code counts against its address and every open window; one that is
    /// right and asked for in the wrong way costs nothing.
    ///
    /// # Errors
    /// `Refused`, `Locked`, `Kind`, `Authority`, `Store` and `Randomness` of [`TerminalError`].
    pub async fn pair(&self, offer: Offer) -> Result<(Caller, Paired), TerminalError> {
        let mut locks = self.0.locks.lock().await;
        locked(&locks, offer.from, self.0.clock.elapsed())?;
        let now = self.0.clock.latest();
        let Some(window) = self.window(&offer.code, now).await? else {
            locks.wrong(offer.from, self.0.clock.elapsed());
            self.0.store.write(WrongCode { at: now.as_millisecond() }).await?;
            return Err(TerminalError::Refused);
        };
        let fits = match window.kind {
            Kind::Software => offer.csr.is_some(),
            Kind::Browser => offer.csr.is_none() && offer.browser,
            Kind::Key => offer.csr.is_none(),
        };
        if !fits {
            return Err(TerminalError::Kind(window.kind));
        }
        let (paired, row) = self.take_in(&window, &offer, now)?;
        let used = UsePairing { id: window.id.to_string(), at: now.as_millisecond(), paired: row };
        if !self.0.store.write(used).await? {
            return Err(TerminalError::Refused);
        }
        locks.right(offer.from);
        Ok((caller(&window, &paired, offer.from), paired))
    }

    async fn window(&self, code: &PairingCode, now: Timestamp) -> Result<Option<WindowRecord>, TerminalError> {
        let rows = self.0.store.pairings(now.as_millisecond()).await?;
        let records: Vec<_> = super::readable(rows.iter().map(WindowRecord::of));
        let windows: Vec<_> = records.iter().map(WindowRecord::window).collect();
        let id = window_of(&windows, &code.hash(&self.0.config.secret), now).map(|window| window.id.clone());
        Ok(id.and_then(|id| records.into_iter().find(|record| record.id.as_str() == id)))
    }

    /// What the terminal gets, and what is kept of it.
    fn take_in(
        &self,
        window: &WindowRecord,
        offer: &Offer,
        now: Timestamp,
    ) -> Result<(Paired, store::Paired), TerminalError> {
        if window.kind == Kind::Key {
            let (key, record) = new_key(window, offer.from).make(now)?;
            let row = store::Paired::Key(stored::row(&record));
            return Ok((Paired::Key { key, record }, row));
        }
        let id = TerminalId::generate()?;
        let label = window.label.clone();
        let mut row = row(window, &id, offer.from, now);
        let paired = match &offer.csr {
            Some(csr) => {
                let certificate = self.certificate(csr, &id)?;
                row.serial = Some(certificate.serial.clone());
                Paired::Software { certificate, id, label }
            }
            None => {
                let secret = secret()?;
                row.secret = Some(SecretHash::of(&secret).to_stored().to_vec());
                Paired::Browser { cookie: Zeroizing::new(format!("{id}.{}", *secret)), id, label }
            }
        };
        Ok((paired, store::Paired::Terminal(row)))
    }

    /// The code stands behind the `#`: a browser that opens the address does not send it, so it reaches no log.
    fn link(&self, code: &PairingCode) -> Zeroizing<String> {
        let fingerprint = self.0.authority.as_ref().map(|authority| authority.fingerprint().replace(':', ""));
        let fingerprint = fingerprint.unwrap_or_default();
        Zeroizing::new(format!("{}/pair#code={}&ca={fingerprint}", self.0.config.address, *code.signs()))
    }
}

/// Who has just come in.
fn caller(window: &WindowRecord, paired: &Paired, from: IpAddr) -> Caller {
    let (id, credential) = match paired {
        Paired::Software { id, .. } | Paired::Browser { id, .. } => (id.to_string(), Credential::Terminal),
        Paired::Key { record, .. } => (record.id.to_string(), Credential::Key),
    };
    Caller {
        id,
        credential,
        browser: window.kind == Kind::Browser,
        person: window.person.clone().map(Person::bound),
        from: Some(from),
        facility: window.facility.clone(),
        rights: window.rights.iter().collect(),
        until: None,
    }
}

fn locked(locks: &super::pairing::Locks, from: IpAddr, now: std::time::Duration) -> Result<(), TerminalError> {
    match locks.locked(from, now) {
        Some(left) => Err(TerminalError::Locked(left.as_secs() + 1)),
        None => Ok(()),
    }
}

fn new_key(window: &WindowRecord, from: IpAddr) -> NewKey {
    let networks = if window.networks.is_empty() { vec![around(from)] } else { window.networks.clone() };
    let NewKey { label, facility, rights, .. } =
        NewKey::unbound(&window.label, &window.facility, window.rights.clone());
    NewKey { label, facility, rights, networks, person: window.person.clone(), expires_at: None }
}

/// An address alone. Of IPv6 its /64: the rest of it changes by itself every day.
fn around(from: IpAddr) -> IpNet {
    let from = neighbourhood(from);
    match from {
        IpAddr::V4(_) => IpNet::from(from),
        IpAddr::V6(_) => IpNet::new(from, 64).unwrap_or_else(|_| IpNet::from(from)),
    }
}

fn row(window: &WindowRecord, id: &TerminalId, from: IpAddr, now: Timestamp) -> TerminalRow {
    TerminalRow {
        id: id.to_string(),
        facility: window.facility.clone(),
        label: window.label.clone(),
        kind: window.kind.name().to_owned(),
        rights: stored::names(&window.rights),
        person: window.person.clone(),
        secret: None,
        paired_at: now.as_millisecond(),
        paired_from: from.to_canonical().to_string(),
        paired_by: window.opened_by.clone(),
        last_used_at: None,
        last_from: None,
        reopened_at: None,
        revoked_at: None,
        serial: None,
        copied_at: None,
    }
}

/// 256 random bits, in hexadecimal.
fn secret() -> Result<Zeroizing<String>, NoRandomness> {
    let mut bytes = Zeroizing::new([0; 32]);
    rand::fill(bytes.as_mut()).map_err(|_| NoRandomness)?;
    Ok(Zeroizing::new(hex(bytes.as_ref())))
}

/// Empty where it does not fit into a QR code, which holds far more than this.
fn picture(link: &str) -> String {
    let Ok(code) = QrCode::new(link.as_bytes()) else { return String::new() };
    code.render::<svg::Color<'_>>().min_dimensions(240, 240).build()
}
