//! The demonstration data that several services must agree on. The rest of the seed belongs to each service.

use uuid::{Uuid, uuid};

use crate::{CustomerId, Id};

/// A user of the demonstration.
pub struct User {
    /// The `sub`.
    pub id: Uuid,
    /// The name to log in with; the password is `{name}-demo-password`.
    pub name: &'static str,
    /// What the user may do.
    pub role: &'static str,
}

/// Customers, a clerk and an operator.
pub const USERS: &[User] = &[
    User { id: uuid!("01900000-0000-7000-8000-000000000001"), name: "alice", role: "customer" },
    User { id: uuid!("01900000-0000-7000-8000-000000000002"), name: "bob", role: "customer" },
    User { id: uuid!("01900000-0000-7000-8000-000000000003"), name: "carol", role: "customer" },
    User { id: uuid!("01900000-0000-7000-8000-000000000011"), name: "sam", role: "staff" },
    User { id: uuid!("01900000-0000-7000-8000-000000000021"), name: "olga", role: "operator" },
];

/// Alice, who buys.
pub const ALICE: CustomerId = Id::from_uuid(USERS[0].id);
/// Bob, who buys as well.
pub const BOB: CustomerId = Id::from_uuid(USERS[1].id);
/// Carol, who buys as well.
pub const CAROL: CustomerId = Id::from_uuid(USERS[2].id);

/// A product of the demonstration and how much of it is on the shelf at first.
pub struct Product {
    pub sku: &'static str,
    pub stock: i64,
}

/// Every product of the catalogue; `OVEN-STONE` is too heavy for the carrier, `LAMP-ARC` is scarce,
/// `CLOCK-SUN` is out of stock, `TEAPOT-OLD` is withdrawn.
pub const PRODUCTS: &[Product] = &[
    Product { sku: "MUG-BLUE", stock: 500 },
    Product { sku: "MUG-GREEN", stock: 500 },
    Product { sku: "TEAPOT-IRON", stock: 120 },
    Product { sku: "TEAPOT-OLD", stock: 10 },
    Product { sku: "BOWL-ASH", stock: 200 },
    Product { sku: "PAN-COPPER", stock: 80 },
    Product { sku: "KNIFE-CHEF", stock: 150 },
    Product { sku: "OVEN-STONE", stock: 12 },
    Product { sku: "LAMP-DESK", stock: 90 },
    Product { sku: "LAMP-ARC", stock: 2 },
    Product { sku: "CLOCK-WALL", stock: 60 },
    Product { sku: "CLOCK-SUN", stock: 0 },
    Product { sku: "CHAIR-OAK", stock: 40 },
    Product { sku: "STOOL-PINE", stock: 70 },
    Product { sku: "SHELF-WALNUT", stock: 35 },
    Product { sku: "RUG-WOOL", stock: 45 },
    Product { sku: "PLANT-FERN", stock: 100 },
    Product { sku: "PLANT-CACTUS", stock: 160 },
    Product { sku: "POT-CLAY", stock: 220 },
    Product { sku: "CAN-WATERING", stock: 75 },
    Product { sku: "BOOK-RUST", stock: 300 },
    Product { sku: "BOOK-SAGAS", stock: 250 },
    Product { sku: "NOTEBOOK-DOT", stock: 600 },
    Product { sku: "PEN-FOUNTAIN", stock: 180 },
];
