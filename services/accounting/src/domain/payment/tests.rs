//! The life of a payment, step by step, with every interleaving that chance can find.

use contracts::Currency;
use proptest::prelude::*;
use time::Duration;

use super::*;

const START: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

#[derive(Clone, Copy, Debug)]
enum Command {
    Authorize,
    Capture,
    Void,
    Refund,
}

/// The provider, as its contract says: one effect per key, and a void that comes first is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Charge {
    None,
    Authorized,
    Declined,
    Captured,
    Refunded,
    Voided,
}

struct World {
    payment: Option<Payment>,
    charge: Charge,
    method: Method,
    moved: i64,
}

fn terms(method: Method) -> Terms {
    let amount = Amount::try_from(Money::new(100, Currency::Eur)).unwrap();
    Terms { customer_id: CustomerId::generate(), amount, method }
}

impl World {
    fn provider(&mut self, intent: State) -> Reply {
        let reply = match (intent, self.charge, self.method.behaviour()) {
            (State::Authorizing, Charge::None, super::super::Behaviour::Declines) => Charge::Declined,
            (State::Authorizing, Charge::None, _) => Charge::Authorized,
            (State::Capturing, Charge::Authorized, super::super::Behaviour::DeclinesCapture) => {
                return Reply::Declined(Decline::PaymentDeclined);
            }
            (State::Capturing, Charge::Authorized, _) => Charge::Captured,
            (State::Voiding, Charge::None | Charge::Authorized | Charge::Declined, _) => Charge::Voided,
            (State::Refunding, Charge::Captured, _) => Charge::Refunded,
            (_, charge, _) => charge,
        };
        if reply != self.charge {
            self.moved += i64::from(reply == Charge::Captured) - i64::from(reply == Charge::Refunded);
        }
        self.charge = reply;
        match reply {
            Charge::Declined => Reply::Declined(Decline::PaymentDeclined),
            Charge::Voided => Reply::Voided,
            _ => Reply::Done,
        }
    }

    fn decide(&mut self, command: Command, terms: &Terms) -> Option<Next> {
        let fresh = Payment::begun(OrderId::generate(), *terms, START);
        let payment = match (command, &self.payment) {
            (Command::Authorize, None) => self.payment.insert(fresh),
            (Command::Void, None) => self.payment.insert(Payment::never(OrderId::generate(), START)),
            (_, None) => return None,
            (_, Some(payment)) => payment,
        };
        Some(match command {
            Command::Authorize => authorize(payment, terms),
            Command::Capture => capture(payment, START),
            Command::Void => void(payment),
            Command::Refund => refund(payment),
        })
    }

    fn state(&self) -> Option<State> {
        self.payment.as_ref().map(|payment| payment.state)
    }

    fn move_on(&mut self, from: State, to: State) {
        let payment = self.payment.as_mut().filter(|payment| payment.state == from);
        if let Some(payment) = payment {
            payment.state = to;
            payment.decline = (to == State::Declined).then_some(Decline::PaymentDeclined);
        }
    }

    fn check(&self) {
        let taken = matches!(self.state(), Some(State::Captured | State::Refunding));
        let asking = matches!(self.state(), Some(State::Capturing | State::Refunding));
        assert!(asking || self.moved == i64::from(taken), "{:?} moved {}", self.state(), self.moved);
        assert!((0..=1).contains(&self.moved));
        if self.state() == Some(State::Voided) {
            let late = self.payment.as_ref().is_some_and(|payment| payment.terms().is_some());
            assert!(!late || self.charge == Charge::Voided, "money stays set aside: {:?}", self.charge);
        }
    }
}

/// What one request is about to do: decide, ask the provider, or save its reply.
#[derive(Clone, Copy, Debug)]
enum Step {
    Decide,
    Ask(State),
    Save(State, Reply),
    End,
}

fn step(world: &mut World, command: Command, terms: &Terms, at: Step) -> Step {
    match at {
        Step::Decide => match world.decide(command, terms) {
            Some(Next::Begin(intent)) => {
                let from = world.state().unwrap();
                world.move_on(from, intent);
                Step::Decide
            }
            Some(Next::Settle) => Step::Ask(world.state().unwrap()),
            Some(Next::Done | Next::Refuse(_)) | None => Step::End,
        },
        Step::Ask(intent) => Step::Save(intent, world.provider(intent)),
        Step::Save(intent, reply) => {
            let to = after(intent, reply);
            world.move_on(intent, to.unwrap_or(intent));
            // Without a way on, the row must have left the intent: else the request would ask for ever.
            assert!(to.is_some() || world.state() != Some(intent), "{intent:?} is stuck at {reply:?}");
            Step::Decide
        }
        Step::End => Step::End,
    }
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![Just(Command::Authorize), Just(Command::Capture), Just(Command::Void), Just(Command::Refund)]
}

fn method() -> impl Strategy<Value = Method> {
    prop_oneof![Just(Method::TokOk), Just(Method::TokDeclined), Just(Method::TokCaptureDeclined)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn requests_interleaved_in_any_way_never_lose_or_double_money(
        method in method(),
        commands in prop::collection::vec(command(), 1..6),
        turns in prop::collection::vec(any::<prop::sample::Index>(), 1..60),
        crashes in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
    ) {
        let terms = terms(method);
        let mut world = World { payment: None, charge: Charge::None, method, moved: 0 };
        let mut requests: Vec<_> = commands.into_iter().map(|command| (command, Step::Decide)).collect();
        for turn in turns {
            let i = turn.index(requests.len());
            requests[i].1 = step(&mut world, requests[i].0, &terms, requests[i].1);
            world.check();
        }
        // Some processes die in the middle; the same requests come again and everything ends.
        for crash in crashes {
            let i = crash.index(requests.len());
            requests[i].1 = Step::Decide;
        }
        for (command, mut at) in requests {
            for _ in 0..20 {
                at = step(&mut world, command, &terms, at);
                world.check();
            }
            prop_assert!(matches!(at, Step::End), "{command:?} did not end");
        }
    }
}

#[test]
fn an_authorization_is_captured_before_it_expires_or_not_at_all() {
    let mut payment = Payment::begun(OrderId::generate(), terms(Method::TokOk), START);
    payment.state = State::Authorized;
    payment.expires_at = Some(START + Duration::DAY);
    assert_eq!(capture(&payment, START), Next::Begin(State::Capturing));
    let expired_at = START + Duration::DAY;
    assert_eq!(capture(&payment, expired_at), Next::Refuse(Refusal::AuthorizationExpired { expired_at }));
    assert_eq!(void(&payment), Next::Begin(State::Voiding));
}

#[test]
fn other_terms_for_the_same_order_conflict() {
    let known = terms(Method::TokOk);
    let payment = Payment::begun(OrderId::generate(), known, START);
    let other = Terms { method: Method::TokSlow, ..known };
    assert!(matches!(authorize(&payment, &other), Next::Refuse(Refusal::ConflictingRequest { .. })));
}

#[test]
fn every_state_reads_back_from_its_name() {
    for state in STATES {
        assert_eq!(state.as_str().parse::<State>().unwrap(), state);
        assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
    }
}
