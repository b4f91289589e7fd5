//! Who asks, resolved once, with what was loaded for it.

use crate::ports::Loaded;
use crate::session::{Activity, Session};
use crate::use_cases::ClaimConflict;
use crate::{Address, Client, EmailAddress, Languages, SessionId, Timestamp, User, UserId};

/// What a request says of itself.
#[derive(Debug, Clone, Default)]
pub struct RequestContext {
    /// From where it comes, as a session remembers it.
    pub activity: Activity,
    /// The visitor's address, for limits; none if nobody knows it.
    pub address: Option<Address>,
    /// The languages that the visitor asks for; a user's own comes before them.
    pub languages: Languages,
}

/// A browser or app that sends a request, be it the first.
#[derive(Debug, Clone, Default)]
pub struct ClientContext {
    /// The client that the request's token opens.
    pub client: Option<Loaded<Client>>,
    /// The users of its open sessions and of its sign-in.
    pub users: Vec<Loaded<User>>,
    /// What the request says of itself.
    pub request: RequestContext,
}

impl ClientContext {
    /// The client, if there is one.
    #[must_use]
    pub fn client(&self) -> Option<&Client> {
        self.client.as_ref().map(|loaded| &loaded.aggregate)
    }

    /// One of the users that were loaded with the client.
    #[must_use]
    pub fn user(&self, id: &UserId) -> Option<&Loaded<User>> {
        self.users.iter().find(|loaded| loaded.aggregate.id == *id)
    }
}

/// A user in a session of ours.
#[derive(Debug, Clone)]
pub struct InSession {
    /// The browser or app that the session is in.
    pub context: ClientContext,
    /// The session.
    pub session: Session,
    /// Its user.
    pub user: Loaded<User>,
}

impl InSession {
    /// When anything last changed in the client of the session, such as who is signed in.
    #[must_use]
    pub fn client_updated_at(&self) -> Timestamp {
        let client = self.context.client();
        client.map_or(self.session.updated_at, |client| client.updated_at)
    }
}

/// A user who comes with the token of an identity provider.
#[derive(Debug, Clone)]
pub struct ByToken {
    /// The user: the provider's `sub`.
    pub id: UserId,
    /// The user, if known already.
    pub user: Option<Loaded<User>>,
    /// Where the identity provider says that the user reads e-mail.
    pub email: Option<EmailAddress>,
    /// Why the number in the token was not followed, or not wholly; for the log.
    pub conflict: Option<ClaimConflict>,
    /// What the request says of itself.
    pub request: RequestContext,
}

/// A user who acts.
#[derive(Debug, Clone)]
pub enum Actor {
    /// In a session of ours.
    Session(Box<InSession>),
    /// With the token of an identity provider.
    Token(Box<ByToken>),
}

impl Actor {
    /// Whose account it is about.
    #[must_use]
    pub fn user_id(&self) -> &UserId {
        match self {
            Self::Session(session) => &session.user.aggregate.id,
            Self::Token(token) => &token.id,
        }
    }

    /// The user as loaded; none at first sight.
    #[must_use]
    pub fn user(&self) -> Option<&Loaded<User>> {
        match self {
            Self::Session(session) => Some(&session.user),
            Self::Token(token) => token.user.as_ref(),
        }
    }

    /// What the request says of itself.
    #[must_use]
    pub fn request(&self) -> &RequestContext {
        match self {
            Self::Session(session) => &session.context.request,
            Self::Token(token) => &token.request,
        }
    }

    /// The session, if the user acts in one.
    #[must_use]
    pub fn session(&self) -> Option<&InSession> {
        match self {
            Self::Session(session) => Some(session),
            Self::Token(_) => None,
        }
    }

    /// The identifier of that session.
    #[must_use]
    pub fn session_id(&self) -> Option<&SessionId> {
        self.session().map(|acting| &acting.session.id)
    }
}

/// What a user does to the own account. Each use case names one, and is checked accordingly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Looks at it.
    Read,
    /// Changes names or metadata.
    EditProfile,
    /// Adds a number.
    AddNumber,
    /// Asks for a code to a number, or tries one.
    VerifyNumber,
    /// Removes a number.
    RemoveNumber,
    /// Makes a number the primary one.
    MakePrimary,
    /// Turns a second factor on or off, or makes it the default.
    ChangeSecondFactor,
    /// Replaces the backup codes.
    RenewBackupCodes,
    /// Sets a password, the first one too, or removes it.
    ChangePassword,
    /// Ends a session, on whichever device.
    RevokeSession,
    /// Deletes the account.
    DeleteAccount,
}

impl Action {
    /// Whether a stolen session must not suffice for it: the strongest factor must have been verified a short time ago
    /// (contract 11.9).
    #[must_use]
    pub const fn is_sensitive(self) -> bool {
        !matches!(self, Self::Read | Self::EditProfile | Self::VerifyNumber)
    }

    /// Whether a locked user may do it.
    #[must_use]
    pub const fn is_open_to_locked(self) -> bool {
        matches!(self, Self::Read | Self::RevokeSession)
    }
}

#[cfg(test)]
mod tests {
    use super::Action::{self, *};

    /// All of them; a new one does not compile here until somebody has said what it is.
    const fn next(action: Action) -> Option<Action> {
        match action {
            Read => Some(EditProfile),
            EditProfile => Some(AddNumber),
            AddNumber => Some(VerifyNumber),
            VerifyNumber => Some(RemoveNumber),
            RemoveNumber => Some(MakePrimary),
            MakePrimary => Some(ChangeSecondFactor),
            ChangeSecondFactor => Some(RenewBackupCodes),
            RenewBackupCodes => Some(ChangePassword),
            ChangePassword => Some(RevokeSession),
            RevokeSession => Some(DeleteAccount),
            DeleteAccount => None,
        }
    }

    fn those(are: fn(Action) -> bool) -> Vec<Action> {
        let all = std::iter::successors(Some(Read), |action| next(*action));
        all.filter(|action| are(*action)).collect()
    }

    #[test]
    fn a_stolen_session_reads_writes_names_and_enters_codes_and_no_more() {
        let insensitive = those(|action| !action.is_sensitive());
        assert_eq!(insensitive, [Read, EditProfile, VerifyNumber]);
    }

    #[test]
    fn the_locked_may_look_and_sign_devices_out() {
        assert_eq!(those(Action::is_open_to_locked), [Read, RevokeSession]);
    }
}
