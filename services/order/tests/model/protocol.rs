//! The protocol as a state machine: instances that work on one saga, the row it is kept in, the network, the
//! participants. What to ask and where a reply leads is asked of the engine itself.

use order::{
    domain::{Change, Order, Refusal},
    saga::{Action, Progress, Reply, Request, Saga, after, is_wrongly_refused, must_be_done, next},
};
use serde_json::Value;
use stateright::{Model, Property};

use crate::{
    participants::{Effect, Manners, SHIPPING, Verb, understand},
    state::{Faults, Happens, Instance, Message, State},
};

/// One saga of one order, and all that may happen to it.
pub struct Protocol {
    pub saga: &'static Saga<Order>,
    pub manners: Manners,
    /// Whether writes name their epoch.
    pub fence: bool,
    pub faults: Faults,
    /// What stands at the participants before.
    pub before: [Effect; 4],
    /// Whether what stands is what a saga that is done, or undone, is to leave.
    pub left: fn(done: bool, [Effect; 4]) -> bool,
    /// What the saga's table asks for.
    pub asks: Vec<(Action, Asks)>,
}

/// Whom an action asks for what.
#[derive(Clone, Copy)]
pub enum Asks {
    Participant(usize, Verb),
    Order(Change),
}

impl Protocol {
    pub fn new(saga: &'static Saga<Order>, order: &Order, faults: Faults) -> Self {
        let steps = (0..saga.len()).map(Action::Do).chain((0..saga.undoable.len()).map(Action::Undo));
        let asks = |action| match saga.request(action, order) {
            Some((_, Request::Call(call))) => {
                let (service, verb) = understand(&call);
                (action, Asks::Participant(service, verb))
            }
            Some((_, Request::Change(change))) => (action, Asks::Order(change)),
            other => panic!("a request that the model does not know: {other:?}"),
        };
        let asks = steps.chain([Action::Close]).map(asks).collect();
        let (before, left) = ([Effect::Nothing; 4], crate::bought as fn(bool, [Effect; 4]) -> bool);
        Self { saga, manners: Manners::REAL, fence: true, faults, before, left, asks }
    }

    /// Whether anything can still happen.
    pub fn can_go_on(&self, state: &State) -> bool {
        let mut actions = Vec::new();
        self.actions(state, &mut actions);
        actions.into_iter().any(|happens| self.next_state(state, happens).is_some())
    }

    fn asks(&self, action: Action) -> Option<Asks> {
        self.asks.iter().find(|(of, _)| *of == action).map(|(_, asks)| *asks)
    }

    /// Writes to the row, if the epoch is the last one, and reads back what was written as a later taking would.
    fn save(&self, state: &mut State, epoch: u8, progress: &Progress) -> bool {
        if self.fence && epoch != state.epoch {
            return false;
        }
        let standing = self.saga.standing(progress);
        state.saved = self.saga.progress(&standing).expect("a step of this table");
        true
    }

    /// An instance saves and asks; one whose write is refused gives up.
    fn go_on(&self, state: &mut State, at: usize) {
        let Instance { epoch, progress, .. } = state.instances[at].clone();
        let action = next(&progress);
        let progress = match self.asks(action) {
            Some(Asks::Participant(service, verb)) => {
                // More than once makes no difference to the engine, and would make one to the model's size.
                let progress = Progress { attempts: 0, ..progress }.asked();
                if !self.save(state, epoch, &progress) {
                    state.instances.remove(at);
                    return;
                }
                state.instances[at] = Instance { epoch, progress, waits: Some((service, verb)) };
                state.send(Message::Asked { service, verb, epoch });
                return;
            }
            Some(Asks::Order(change)) => {
                let progress = after(self.saga, progress, &Reply::Done(Value::Null));
                if self.save(state, epoch, &progress) {
                    state.changes.push(named(change));
                    state.instances[at].progress = progress.clone();
                    if !matches!(next(&progress), Action::Done | Action::Undone) {
                        return;
                    }
                }
                progress
            }
            None => progress,
        };
        self.save(state, epoch, &progress);
        state.instances.remove(at);
    }

    /// A reply leads on, or the instance lets go until it is time to ask again.
    fn reply(&self, state: &mut State, at: usize, reply: &Reply) {
        let Instance { epoch, progress, .. } = state.instances[at].clone();
        state.hopeless |= is_wrongly_refused(self.saga, &progress, reply) && (!self.fence || epoch == state.epoch);
        let moved = after(self.saga, progress.clone(), reply);
        if moved.position == progress.position {
            self.save(state, epoch, &moved);
            state.instances.remove(at);
        } else {
            state.instances[at] = Instance { epoch, progress: moved, waits: None };
        }
    }

    fn arrives(&self, state: &mut State, at: usize, unwilling: bool, again: bool) -> Option<()> {
        let Message::Asked { service, verb, epoch } = state.network[at] else { return None };
        let (effect, yes) = self.manners.answer(service, state.standing[service], verb, unwilling)?;
        if again {
            state.faults.duplicates -= 1;
        } else {
            state.network.remove(at);
        }
        state.standing[service] = effect;
        state.taken_back[service] |= verb == Verb::TakeBack && yes;
        let answer = Message::Answered { service, verb, epoch, yes };
        if state.waiting(&answer).is_some() {
            state.send(answer);
        }
        Some(())
    }

    fn answers(&self, state: &mut State, at: usize) -> Option<()> {
        let answer = state.network.remove(at);
        let instance = state.waiting(&answer)?;
        let Message::Answered { yes, .. } = answer else { return None };
        let no = || Reply::Refused(Refusal::new("no", "No"));
        self.reply(state, instance, &if yes { Reply::Done(Value::Null) } else { no() });
        Some(())
    }

    fn times_out(&self, state: &mut State, at: usize, overdue: bool) -> Option<()> {
        let instance = &state.instances[at];
        if overdue && must_be_done(self.saga, &instance.progress) {
            return None;
        }
        // What was lost was counted when it was lost.
        if state.network.iter().any(|message| instance.waits_for(message)) {
            state.faults.network = state.faults.network.checked_sub(1)?;
        }
        let why = String::new();
        self.reply(state, at, &if overdue { Reply::Overdue(why) } else { Reply::Silent(why) });
        Some(())
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Happens;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            saved: Progress::START,
            epoch: 1,
            instances: vec![Instance { epoch: 1, progress: Progress::START, waits: None }],
            network: Vec::new(),
            standing: self.before,
            taken_back: [false; 4],
            changes: Vec::new(),
            hopeless: false,
            faults: self.faults,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Happens>) {
        // What only a person can end would be asked for ever.
        if state.hopeless {
            return;
        }
        if state.ended().is_none() && (!state.is_worked_on() || state.faults.stalls > 0) {
            actions.push(Happens::Take);
        }
        for (at, instance) in state.instances.iter().enumerate() {
            if instance.waits.is_some() {
                actions.extend([false, true].map(|overdue| Happens::TimesOut { instance: at, overdue }));
            } else {
                actions.push(Happens::GoOn(at));
            }
            if state.faults.crashes > 0 {
                actions.push(Happens::Crashes(at));
            }
        }
        for (at, message) in state.network.iter().enumerate() {
            // The same message twice arrives in one order only.
            if at > 0 && state.network[at - 1] == *message {
                continue;
            }
            match message {
                Message::Answered { .. } => actions.push(Happens::Answers(at)),
                Message::Asked { .. } => {
                    for unwilling in [false, true] {
                        actions.push(Happens::Arrives { message: at, unwilling, again: false });
                        if state.faults.duplicates > 0 {
                            actions.push(Happens::Arrives { message: at, unwilling, again: true });
                        }
                    }
                }
            }
            if state.faults.network > 0 && state.waiting(message).is_some() {
                actions.push(Happens::Lost(at));
            }
        }
        if state.faults.crashes > 0 {
            actions.extend((0..4).map(Happens::ParticipantCrashes));
        }
        if self.before[SHIPPING] == Effect::Made && state.standing[SHIPPING] == Effect::Made {
            actions.push(Happens::Leaves);
        }
    }

    fn next_state(&self, before: &State, happens: Happens) -> Option<State> {
        let mut state = before.clone();
        match happens {
            Happens::Take => state.take()?,
            Happens::GoOn(at) => self.go_on(&mut state, at),
            Happens::Arrives { message, unwilling, again } => self.arrives(&mut state, message, unwilling, again)?,
            Happens::Answers(at) => self.answers(&mut state, at)?,
            Happens::TimesOut { instance, overdue } => self.times_out(&mut state, instance, overdue)?,
            Happens::Lost(at) => {
                state.network.remove(at);
                state.faults.network -= 1;
            }
            Happens::Crashes(at) => {
                state.instances.remove(at);
                state.faults.crashes -= 1;
            }
            Happens::ParticipantCrashes(crashed) => {
                state.network.retain(|message| {
                    let (Message::Asked { service, .. } | Message::Answered { service, .. }) = message;
                    *service != crashed
                });
                if state.network.len() == before.network.len() {
                    return None;
                }
                state.faults.crashes -= 1;
            }
            Happens::Leaves => state.standing[SHIPPING] = Effect::Dispatched,
        }
        state.hang_up();
        Some(state)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        crate::properties()
    }
}

fn named(change: Change) -> &'static str {
    match change {
        Change::Confirm => "confirmed",
        Change::Compensate => "compensated",
        Change::Cancel => "cancelled",
        Change::Keep => "kept",
    }
}
