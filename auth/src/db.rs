//! The SQL: one function per question.

mod clients;
mod consents;
mod devices;
mod endings;
mod grants;
mod guesses;
mod keys;
mod logouts;
mod profiles;
mod purge;
mod pushed;
mod registrations;
mod security_events;
mod sessions;
mod tokens;
mod used;
mod users;

pub use clients::{find_client, is_registered_origin, upsert_client};
pub use consents::{
    Application, delete_consent, delete_consents_to, find_consent, list_applications, lock_consent, revoke_grants_to,
    upsert_consent,
};
pub use devices::{
    Decision, DeviceQuestion, NewDevice, allow_device, deny_device, find_device, insert_device, poll_device,
    redeem_device_code,
};
pub use endings::{
    LetIn, await_user, delete_client, disable_client, disable_user, enable_client, enable_user, list_session_ids,
    revoke_grants_of_user, revoke_tokens_of_client,
};
pub use grants::{
    Claim, EndedGrant, NewCode, find_grant_of_used_code, find_grant_of_used_refresh_token, insert_grant, redeem_code,
    redeem_refresh_token, revoke_grant, revoke_tokens_of_grants,
};
pub use guesses::{count_guess, forget_guesses, uncount_guess};
pub use keys::{
    KeyLife, SealedKey, insert_key, list_key_lives, list_keys, list_public_keys, lock_keys, retire_followed_keys,
    retire_key,
};
pub use logouts::{Room, delete_logout, insert_logouts, is_logout_due, take_up_logouts};
pub use profiles::{find_profile, list_userinfo_claims};
pub use purge::delete_expired;
pub use pushed::{insert_pushed_request, present_pushed_request, redeem_pushed_request};
pub use registrations::{
    NewAllowance, delete_initial_access_token, insert_initial_access_token, insert_registration, lock_registration,
    use_initial_access_token,
};
pub use security_events::{
    Recorded, forget_security_events, insert_security_event, list_security_events, update_retention,
};
pub use sessions::{
    NewSession, OpenSession, Session, delete_sessions, find_session, find_session_id, insert_session, list_sessions,
    renew_session, revoke_grants_of_sessions,
};
pub use tokens::{
    NewToken, Revoked, find_token, find_token_owner, holds_token, insert_access_token, insert_refresh_token,
    revoke_access_token,
};
pub use used::insert_used_jwt;
pub use users::{
    Credentials, HashesAt, count_hashes, find_credentials, insert_user, list_usernames, update_password_hash,
};

use uuid::Uuid;

use crate::domain::{Role, User};

fn user(id: Uuid, username: String, name: String, email: String, roles: &[String]) -> User {
    let roles = roles.iter().filter_map(|name| Role::parse(name)).collect();
    User { id, username, name, email, roles }
}
