//! Users, and what each role lets a client do for them.

use uuid::Uuid;

use crate::domain::scopes::{ABOUT_THE_USER, OPERATE, SERVICES, Scopes};

const CUSTOMER: &[&str] =
    &["store:read", "store:write", "inventory:read", "accounting:read", "shipping:read", "order:read", "order:write"];

/// A person who logs in.
#[derive(Clone, Debug)]
pub struct User {
    /// The `sub`.
    pub id: Uuid,
    /// What is typed into the form.
    pub username: String,
    /// The name to show.
    pub name: String,
    /// Where mail reaches the user.
    pub email: String,
    /// What the user is to the shop.
    pub roles: Vec<Role>,
}

/// What a user is to the shop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Buys.
    Customer,
    /// Keeps the shop running: reads and writes everything.
    Staff,
    /// Staff who may also interfere with the machinery.
    Operator,
}

impl Role {
    /// The role with this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Customer, Self::Staff, Self::Operator].into_iter().find(|role| role.as_str() == name)
    }

    /// Its name, as stored and in tokens.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Staff => "staff",
            Self::Operator => "operator",
        }
    }

    fn may_be_given(self, scope: &str) -> bool {
        let reads_or_writes = scope.ends_with(":read") || scope.ends_with(":write");
        match self {
            Self::Customer => CUSTOMER.contains(&scope),
            Self::Staff => reads_or_writes,
            Self::Operator => reads_or_writes || scope.ends_with(":operate"),
        }
    }
}

impl User {
    /// Everything a client can be given for this user.
    pub fn scopes(&self) -> Scopes {
        Self::scopes_of(&self.roles)
    }

    /// Everything a client can be given for a user with these roles.
    pub fn scopes_of(roles: &[Role]) -> Scopes {
        let of_services = SERVICES.iter().flat_map(|(_, scopes)| scopes.iter().copied());
        let given = of_services.chain([OPERATE]).filter(|scope| roles.iter().any(|role| role.may_be_given(scope)));
        Scopes::of(given.chain(ABOUT_THE_USER.iter().copied()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_customer_is_never_given_what_only_staff_or_machines_do() {
        let scopes = User::scopes_of(&[Role::Customer]);
        for scope in ["inventory:write", "store:operate", "store:checkout", "accounting:pay", "shipping:book"] {
            assert!(!scopes.contains(scope), "{scope}");
        }
        assert!(scopes.contains("order:write") && scopes.contains("openid"));
    }

    #[test]
    fn staff_read_and_write_everything_and_operators_operate_as_well() {
        let (staff, operator) = (User::scopes_of(&[Role::Staff]), User::scopes_of(&[Role::Operator]));
        for scope in SERVICES.iter().flat_map(|(_, scopes)| scopes.iter()) {
            let (writes, operates) = (scope.ends_with(":write"), scope.ends_with(":operate"));
            assert!(!writes || staff.contains(scope), "{scope}");
            assert!(!operates || (operator.contains(scope) && !staff.contains(scope)), "{scope}");
        }
        assert!(staff.within(&operator));
    }

    #[test]
    fn no_user_is_given_the_commands_of_the_saga() {
        let all = User::scopes_of(&[Role::Customer, Role::Staff, Role::Operator]);
        for scope in ["store:checkout", "inventory:reserve", "accounting:pay", "shipping:book"] {
            assert!(!all.contains(scope), "{scope}");
        }
    }
}
