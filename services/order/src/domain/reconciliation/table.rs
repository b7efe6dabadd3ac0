//! What was decided against what a participant says, one table for each.

use super::{
    Decided, Found,
    Step::{
        self, AnnounceConfirmed, AnnounceShipment, AuthorizePayment, BookShipment, CancelOrder, CancelShipment,
        CapturePayment, CheckOutCart, RecoverShipment, RefundPayment, ReleaseStock, ReopenCart, ReserveStock,
        TakeInNews, VoidPayment,
    },
};

/// Agreement is none, a case for a person an empty list.
pub(super) type Verdict = Option<&'static [Step]>;
const AGREED: Verdict = None;
const PERSON: Verdict = Some(&[]);

/// What the store should say.
pub(super) fn checkout(decided: Decided, found: &Found) -> Verdict {
    use super::CheckoutState::{Done, Reopened};
    let stands = decided.stands() || decided == Decided::Cancelled;
    match (stands, found.checkout.as_ref().map(|it| (it.state, it.held_a_cart()))) {
        (true, None) => Some(&[CheckOutCart]),
        // Reopened without ever having held a cart is how a repair notes that the cart is gone for good.
        (true, Some((Done, _) | (Reopened, false))) | (false, None | Some((Reopened, _))) => AGREED,
        (true, Some((Reopened, true))) => PERSON,
        (false, Some((Done, _))) => Some(&[ReopenCart]),
    }
}

/// What inventory should say.
#[expect(clippy::match_same_arms, reason = "one arm for each decision reads as a table")]
pub(super) fn reservation(decided: Decided, found: &Found) -> Verdict {
    use super::ReservationState::{Committed, Held, Released, Shipped};
    match (decided, found.reservation.as_ref().map(|it| it.state)) {
        (Decided::Bought, None) => Some(&[ReserveStock, AnnounceConfirmed]),
        (Decided::Bought, Some(Held)) => Some(&[AnnounceConfirmed]),
        (Decided::Bought, Some(Committed)) => AGREED,
        // The order has only not heard of the parcel; which shipping says.
        (Decided::Bought, Some(Shipped)) if found.parcel_has_left() => AGREED,
        // Released together with the shipment by a cancellation that the order has forgotten.
        (Decided::Bought, Some(Released)) if found.was_cancelled() => AGREED,
        (Decided::Sent | Decided::Arrived, None) => Some(&[ReserveStock, AnnounceShipment]),
        (Decided::Sent | Decided::Arrived, Some(Held | Committed)) => Some(&[AnnounceShipment]),
        (Decided::Sent | Decided::Arrived, Some(Shipped)) => AGREED,
        (Decided::Bought | Decided::Sent | Decided::Arrived, Some(Released)) => PERSON,
        (Decided::Bought, Some(Shipped)) => PERSON,
        // With nothing there, what is announced of the order would never take effect; a release leaves its mark.
        (Decided::Cancelled, None) | (_, Some(Held | Committed)) => Some(&[ReleaseStock]),
        (_, Some(Shipped)) => PERSON,
        (_, None | Some(Released)) => AGREED,
    }
}

/// What accounting should say; `invoice` is the number that the order knows.
#[expect(clippy::match_same_arms, reason = "one arm for each decision reads as a table")]
pub(super) fn payment(decided: Decided, invoice: Option<&str>, found: &Found) -> Verdict {
    use super::PaymentState::{
        Authorized, Authorizing, CaptureDeclined, Captured, Capturing, Declined, Refunded, Refunding, Voided, Voiding,
    };
    let Some(payment) = &found.payment else {
        return match decided {
            Decided::Cancelled => Some(&[AuthorizePayment, CapturePayment, RefundPayment]),
            _ if decided.stands() => Some(&[AuthorizePayment, CapturePayment, AnnounceConfirmed]),
            _ => AGREED,
        };
    };
    match (decided, payment.state) {
        (Decided::Bought | Decided::Sent | Decided::Arrived, Authorizing | Authorized | Capturing) => {
            Some(&[CapturePayment, AnnounceConfirmed])
        }
        (Decided::Bought | Decided::Sent | Decided::Arrived, Captured) => match payment.invoice_number.as_deref() {
            None => Some(&[AnnounceConfirmed]),
            number if number == invoice => AGREED,
            Some(_) => Some(&[TakeInNews]),
        },
        (Decided::Bought, Refunding | Refunded) if !found.goods_have_left() => Some(&[CancelOrder]),
        (Decided::Cancelled, Authorizing | Authorized | Capturing) => Some(&[CapturePayment, RefundPayment]),
        (Decided::Cancelled, Captured | Refunding) => Some(&[RefundPayment]),
        (Decided::Cancelled, Refunded) => AGREED,
        (Decided::Undone | Decided::Nothing, Declined | Voided | Refunded) => AGREED,
        (Decided::Undone | Decided::Nothing, Captured | Refunding) => Some(&[RefundPayment]),
        (Decided::Undone | Decided::Nothing, Authorizing | Authorized | Capturing | CaptureDeclined | Voiding) => {
            Some(&[VoidPayment])
        }
        _ => PERSON,
    }
}

/// What shipping should say.
pub(super) fn shipment(decided: Decided, found: &Found) -> Verdict {
    use super::ShipmentState::{Booked, Cancelled, Delivered, Dispatched, Prepared};
    match (decided, found.shipment.as_ref().map(|it| it.state)) {
        // The order knows of no number.
        (Decided::Bought, None | Some(Booked | Prepared)) if found.goods_have_left() => PERSON,
        (Decided::Bought, None) => Some(&[BookShipment, AnnounceConfirmed]),
        (Decided::Bought, Some(Booked)) => Some(&[AnnounceConfirmed]),
        (Decided::Bought, Some(Dispatched | Delivered)) | (Decided::Sent, Some(Delivered)) => Some(&[TakeInNews]),
        (Decided::Bought, Some(Cancelled)) if !found.goods_have_left() => Some(&[CancelOrder]),
        // It is not booked again, or it would be packed again.
        (Decided::Sent | Decided::Arrived, None | Some(Booked | Prepared)) | (Decided::Arrived, Some(Dispatched)) => {
            Some(&[RecoverShipment])
        }
        (Decided::Bought, Some(Prepared))
        | (Decided::Sent, Some(Dispatched))
        | (Decided::Arrived, Some(Delivered))
        | (Decided::Cancelled, Some(Cancelled))
        | (Decided::Undone | Decided::Nothing, None | Some(Cancelled)) => AGREED,
        (Decided::Cancelled, None) => Some(&[BookShipment, CancelShipment]),
        (Decided::Cancelled | Decided::Undone | Decided::Nothing, Some(Booked | Prepared)) => Some(&[CancelShipment]),
        _ => PERSON,
    }
}
