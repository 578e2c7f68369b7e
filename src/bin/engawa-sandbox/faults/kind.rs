//! What can go wrong.

use serde::{Deserialize, Serialize};

/// The kinds of fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// An error of the envelope (`code`); final ones are remembered under the key.
    Refuse,
    /// Waits `delay_ms`, then goes on as usual.
    Delay,
    /// Reads the request, then drops the connection.
    CutBeforeEffect,
    /// Drops the connection after `bytes` of the request's body.
    CutMidRequest,
    /// Carries the call out, then drops the connection: the answer is lost.
    CutAfterEffect,
    /// Sends the answer's head and `bytes` of its body, then drops the connection.
    CutMidAnswer,
    /// Writes the answer's bytes twice.
    AnswerTwice,
    #[serde(rename = "status_400")]
    Status400,
    #[serde(rename = "status_401")]
    Status401,
    #[serde(rename = "status_403")]
    Status403,
    #[serde(rename = "status_404")]
    Status404,
    #[serde(rename = "status_429")]
    Status429,
    #[serde(rename = "status_500")]
    Status500,
    #[serde(rename = "status_503")]
    Status503,
    /// A proxy's page with status 200.
    #[serde(rename = "html_200")]
    Html200,
    /// A proxy's page with status 502.
    #[serde(rename = "html_502")]
    Html502,
    /// Status 200, JSON, but no envelope.
    WrongJson,
    /// Status 200 and the first `bytes` (or half) of the JSON, as if it were whole.
    TruncatedJson,
    /// An ok envelope whose `data` lacks its first member.
    WrongType,
    /// The answer in pieces of `bytes`, one every `interval_ms`.
    SlowBody,
    /// Answers, then closes the connection without a word.
    CloseIdle,
    /// Locks the account that logs in for half an hour.
    LockAccount,
    /// Takes the password for wrong, whatever it is; it counts towards the lock.
    RefusePassword,
    /// Forgets every access token first.
    ExpireTokens,
    /// E4040, as for an expired cursor.
    ExpiredCursor,
    /// 404 with E2000, and not among the capabilities.
    NotOffered,
    /// `connect`: closes before the handshake.
    Drop,
    /// `connect`: takes the connection and says nothing.
    Stall,
    /// `connect`: refuses the client's certificate in the handshake.
    RefuseClient,
    /// `connect`: an expired server certificate.
    ServerCertificateExpired,
    /// `connect`: a server certificate of another CA.
    ServerCertificateForeign,
    /// `connect`: a server certificate for another name.
    ServerCertificateWrongName,
    /// `connect`: a server certificate of the future.
    ServerCertificateNotYetValid,
}

impl Kind {
    /// Faults of the connection rather than of a request.
    pub(crate) fn is_about_connecting(self) -> bool {
        matches!(self, Self::Drop | Self::Stall | Self::RefuseClient) || self.server_certificate().is_some()
    }

    /// The HTTP status of a bare status.
    pub(crate) fn status(self) -> Option<u16> {
        Some(match self {
            Self::Status400 => 400,
            Self::Status401 => 401,
            Self::Status403 => 403,
            Self::Status404 => 404,
            Self::Status429 => 429,
            Self::Status500 => 500,
            Self::Status503 => 503,
            _ => return None,
        })
    }

    /// The server certificate to show, by its file name.
    pub(crate) fn server_certificate(self) -> Option<&'static str> {
        Some(match self {
            Self::ServerCertificateExpired => "server-expired",
            Self::ServerCertificateForeign => "server-foreign",
            Self::ServerCertificateWrongName => "server-wrong-name",
            Self::ServerCertificateNotYetValid => "server-not-yet-valid",
            _ => return None,
        })
    }

    /// Faults that spoil an answer after the call was carried out.
    pub(crate) fn is_about_the_answer(self) -> bool {
        matches!(
            self,
            Self::Delay
                | Self::CutAfterEffect
                | Self::CutMidAnswer
                | Self::AnswerTwice
                | Self::WrongJson
                | Self::TruncatedJson
                | Self::WrongType
                | Self::SlowBody
                | Self::CloseIdle
                | Self::LockAccount
                | Self::RefusePassword
                | Self::ExpireTokens
        )
    }
}

/// The body of a bare status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Style {
    /// An error envelope with E9001.
    #[default]
    Envelope,
    /// Nothing.
    Empty,
    /// A proxy's page.
    Html,
}
