//! Laws of the shelf.

use proptest::{collection::vec, prelude::*};

use super::*;

fn stock(name: &str, on_hand: i64, reserved: i64) -> Stock {
    Stock { sku: Sku::parse(name).unwrap(), on_hand, reserved, version: 0 }
}

fn quantity(pieces: i64) -> Quantity {
    Quantity::new(pieces).unwrap()
}

fn lines(of: &[(&str, i64)]) -> Lines {
    let line = |(name, n): &(&str, i64)| Line { sku: Sku::parse(name).unwrap(), quantity: quantity(*n) };
    Lines::try_from(of.iter().map(line).collect::<Vec<_>>()).unwrap()
}

#[test]
fn a_refusal_names_the_product_and_what_is_left() {
    let shelf = [stock("MUG-BLUE", 9, 0), stock("MUG-GREEN", 5, 3)];
    let refusal = take(&shelf, &lines(&[("MUG-BLUE", 1), ("MUG-GREEN", 3)])).unwrap_err();
    assert_eq!(refusal, Refusal::OutOfStock { sku: Sku::parse("MUG-GREEN").unwrap(), wanted: 3, left: 2 });
}

#[test]
fn a_product_that_was_never_received_is_unknown() {
    let refusal = take(&[stock("MUG-BLUE", 9, 0)], &lines(&[("MUG-RED", 1)])).unwrap_err();
    assert_eq!(refusal, Refusal::UnknownSku { sku: Sku::parse("MUG-RED").unwrap() });
}

#[test]
fn what_is_promised_cannot_be_counted_away() {
    let counted = |n| stock("MUG-BLUE", 10, 4).adjust(Difference::try_from(n).unwrap());
    assert!(counted(-6).is_ok());
    let refusal = counted(-7).unwrap_err();
    assert!(matches!(refusal, Refusal::BelowReserved { on_hand: 10, reserved: 4, taken: 7, .. }));
}

proptest! {
    /// Whatever happens in whatever order, the numbers stay possible and equal the sum of their movements.
    #[test]
    fn stock_is_the_sum_of_its_movements(steps in vec((0..5_u8, 1..=50_i64), 0..60)) {
        let mut now = stock("MUG-BLUE", 0, 0);
        let (mut held, mut on_hand, mut reserved) = (Vec::new(), 0, 0);
        for (what, n) in steps {
            let change = match what {
                0 => Ok(now.receive(Pieces::try_from(n).unwrap())),
                1 => now.adjust(Difference::try_from(-n).unwrap()),
                2 => now.reserve(quantity(n)),
                3 => { let Some(q) = held.pop() else { continue }; Ok(now.release(q)) }
                _ => { let Some(q) = held.pop() else { continue }; Ok(now.ship(q)) }
            };
            let Ok(change) = change else { continue };
            match change.kind {
                Kind::Received | Kind::Adjusted => on_hand += change.quantity,
                Kind::Reserved => { held.push(quantity(n)); reserved += change.quantity; }
                Kind::Released => reserved += change.quantity,
                Kind::Shipped => { on_hand += change.quantity; reserved += change.quantity; }
            }
            prop_assert_eq!(change.stock.version, now.version + 1);
            now = change.stock;
            prop_assert_eq!((now.on_hand, now.reserved), (on_hand, reserved));
            prop_assert!(now.reserved >= 0 && now.available() >= 0);
            prop_assert_eq!(now.reserved, held.iter().map(|q| q.get()).sum::<i64>());
        }
    }

    /// An order gets all of its lines exactly if each of them is there.
    #[test]
    fn an_order_gets_all_or_nothing(a in 0..20_i64, b in 0..20_i64, wants_a in 1..20_i64, wants_b in 1..20_i64) {
        let shelf = [stock("AAA", a, 0), stock("BBB", b, 0)];
        match take(&shelf, &lines(&[("AAA", wants_a), ("BBB", wants_b)])) {
            Ok(changes) => {
                let reserved: Vec<_> = changes.iter().map(|change| change.stock.reserved).collect();
                prop_assert_eq!(reserved, vec![wants_a, wants_b]);
                prop_assert!(wants_a <= a && wants_b <= b);
            }
            Err(_) => prop_assert!(wants_a > a || wants_b > b),
        }
    }

    /// A release undoes a reservation to the piece.
    #[test]
    fn putting_back_undoes_taking(on_hand in 1..1000_i64, n in 1..1000_i64) {
        let before = [stock("AAA", on_hand, 0)];
        let order = lines(&[("AAA", n)]);
        if let Ok(taken) = take(&before, &order) {
            let shelf: Vec<_> = taken.into_iter().map(|change| change.stock).collect();
            let after = &put_back(&shelf, order.as_slice()).unwrap()[0].stock;
            prop_assert_eq!((after.on_hand, after.reserved), (on_hand, 0));
        }
    }
}
