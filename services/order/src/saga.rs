//! What a saga is, what to ask next, and where a reply leads. All of it is pure: the shell that loads, saves and
//! calls is in `saga/runner.rs` and `saga/worker.rs`, and time is judged in `saga/patience.rs`.

pub mod held;
pub mod patience;
pub mod runner;
mod stored;
pub mod watchers;
pub mod worker;

use axum::http::Method;
use serde_json::Value;

use crate::domain::{Change, Reason, Refusal};

/// A flow over several participants that ends with every step done, or with every step undone.
///
/// A step without an undo does not fit among the undoable ones:
///
/// ```
/// use order::saga::{Request, Step, Undoable, step};
/// # fn ask(_: &()) -> Request { panic!("only its type matters here") }
/// # fn take_back(_: &()) -> Request { panic!("only its type matters here") }
/// const STEPS: &[Undoable<()>] = &[step("reserve stock", ask).undo(take_back)];
/// ```
/// ```compile_fail,E0308
/// use order::saga::{Request, Step, Undoable, step};
/// # fn ask(_: &()) -> Request { panic!("only its type matters here") }
/// const STEPS: &[Undoable<()>] = &[step("reserve stock", ask)];
/// ```
pub struct Saga<S: 'static> {
    /// The name in the log; one order has at most one saga of a name.
    pub name: &'static str,
    /// Undone from last to first if a later step is refused.
    pub undoable: &'static [Undoable<S>],
    /// The last step that may be refused.
    pub decisive: Step<S>,
    /// Never refused: asked again until done.
    pub certain: &'static [Step<S>],
    /// What remains to be done when all is undone. Never refused either.
    pub undone: Step<S>,
}

/// A step: from what is known to what is asked for.
pub struct Step<S> {
    /// The name in the log and the timeline; unique in its saga.
    pub name: &'static str,
    ask: fn(&S) -> Request,
    learn: Learn<S>,
}

/// How what was answered becomes known to later steps. An answer that cannot be understood is no answer.
type Learn<S> = fn(&mut S, &Value) -> Result<(), serde_json::Error>;

/// A step together with the request that takes it back.
pub struct Undoable<S> {
    step: Step<S>,
    undo: fn(&S) -> Request,
}

/// The step `name`, which asks for `ask`.
pub const fn step<S>(name: &'static str, ask: fn(&S) -> Request) -> Step<S> {
    Step { name, ask, learn: |_, _| Ok(()) }
}

impl<S> Step<S> {
    /// The step, and what its answer teaches.
    #[must_use]
    pub const fn learn(self, learn: Learn<S>) -> Self {
        Self { learn, ..self }
    }

    /// The step, and how it is taken back. The undo needs nothing from the step's answer.
    #[must_use]
    pub const fn undo(self, undo: fn(&S) -> Request) -> Undoable<S> {
        Undoable { step: self, undo }
    }
}

/// What a step asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// A call to a participant.
    Call(Call),
    /// A change to the order itself, made in the transaction that records it.
    Change(Change),
    /// Nothing: what is known already says no.
    Refuse(Refusal),
}

/// A call to a participant through the gateway. The same call has the same answer and one effect.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The participant.
    pub service: &'static str,
    /// The method.
    pub method: Method,
    /// The path below the service, from `/v1`.
    pub path: String,
    /// The JSON body.
    pub body: Option<Value>,
}

/// What came of asking.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// It is done; with what was answered.
    Done(Value),
    /// It was refused and has no effect.
    Refused(Refusal),
    /// Nobody knows: no answer, or none that says yes or no. The text says what was seen.
    Silent(String),
    /// Silent, and the step's deadline has passed.
    Overdue(String),
}

/// Where a saga stands. Indices count the steps of the table from the first undoable to the last certain one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Position {
    /// Every step before this one is done.
    Doing(usize),
    /// Every undoable step after this one has not happened or is undone.
    Undoing(usize),
    /// All is undone; the saga's `undone` step remains.
    Closing,
    /// Every step is done.
    Done,
    /// Nothing of it remains.
    Undone,
}

/// How far a saga has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Progress {
    /// Where it stands.
    pub position: Position,
    /// How often the request at this position has been sent; counted before it is sent.
    pub attempts: u32,
    /// Why it is being undone.
    pub reason: Option<Reason>,
}

impl Progress {
    /// Before the first step.
    pub const START: Self = Self { position: Position::Doing(0), attempts: 0, reason: None };

    /// The same, with one more request sent. Recorded before the request leaves.
    #[must_use]
    pub fn asked(self) -> Self {
        Self { attempts: self.attempts.saturating_add(1), ..self }
    }

    fn at(position: Position, reason: Option<Reason>) -> Self {
        Self { position, attempts: 0, reason }
    }
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Ask for the step of this index.
    Do(usize),
    /// Ask for the undo of the step of this index.
    Undo(usize),
    /// Ask for the saga's `undone` step.
    Close,
    /// Nothing: every step is done.
    Done,
    /// Nothing: all is undone.
    Undone,
}

/// What to ask next.
pub const fn next(progress: &Progress) -> Action {
    match progress.position {
        Position::Doing(index) => Action::Do(index),
        Position::Undoing(index) => Action::Undo(index),
        Position::Closing => Action::Close,
        Position::Done => Action::Done,
        Position::Undone => Action::Undone,
    }
}

/// Where a reply to [`next`]'s request leads.
///
/// A step that may be refused, and is, turns the saga round. What may have happened, or may still happen, is undone:
/// every earlier step; a step that stayed silent past its deadline; and a refused one that was ever sent, since the same
/// request may arrive once more, and participants do not remember what they refused: they do remember the undo.
/// Whatever else is not an answer changes nothing, so that the same is asked again.
#[must_use]
pub fn after<S>(saga: &Saga<S>, progress: Progress, reply: &Reply) -> Progress {
    match (progress.position, reply) {
        (Position::Doing(index), Reply::Done(_)) if index + 1 == saga.len() => Progress::at(Position::Done, None),
        (Position::Doing(index), Reply::Done(_)) => Progress::at(Position::Doing(index + 1), None),
        (Position::Doing(index), Reply::Refused(refusal)) if saga.may_be_refused(index) => {
            let was_sent = progress.attempts > 0 && saga.is_undoable(index);
            let reason = Reason::new(saga.step(index).name, refusal.clone());
            Progress::at(undoing(if was_sent { index + 1 } else { index }), Some(reason))
        }
        (Position::Doing(index), Reply::Overdue(_)) if saga.is_undoable(index) => {
            let reason = Reason::new(saga.step(index).name, Refusal::no_answer());
            Progress::at(undoing(index + 1), Some(reason))
        }
        (Position::Undoing(index), Reply::Done(_)) => Progress::at(undoing(index), progress.reason),
        (Position::Closing, Reply::Done(_)) => Progress::at(Position::Undone, progress.reason),
        _ => progress,
    }
}

/// The undo of the last of the first `count` steps.
const fn undoing(count: usize) -> Position {
    match count {
        0 => Position::Closing,
        _ => Position::Undoing(count - 1),
    }
}

/// Whether what is asked for at this point is asked for however long it takes: whatever cannot be given up.
pub const fn must_be_done<S>(saga: &Saga<S>, progress: &Progress) -> bool {
    !matches!(progress.position, Position::Doing(index) if saga.is_undoable(index))
}

/// Whether this is no answer at all, although silence is the only other thing this request may meet: a participant
/// that refuses what cannot be refused needs a person, at once.
pub fn is_wrongly_refused<S>(saga: &Saga<S>, progress: &Progress, reply: &Reply) -> bool {
    let refusable = matches!(progress.position, Position::Doing(index) if saga.may_be_refused(index));
    matches!(reply, Reply::Refused(_)) && !refusable
}

impl<S> Saga<S> {
    /// How many steps there are.
    #[expect(clippy::len_without_is_empty, reason = "there is always a decisive step")]
    pub const fn len(&self) -> usize {
        self.undoable.len() + 1 + self.certain.len()
    }

    /// Whether the step of this index can be undone.
    pub const fn is_undoable(&self, index: usize) -> bool {
        index < self.undoable.len()
    }

    /// Whether the step of this index may be refused.
    pub const fn may_be_refused(&self, index: usize) -> bool {
        index <= self.undoable.len()
    }

    /// The step of this index, from the first undoable to the last certain one.
    pub fn step(&self, index: usize) -> &Step<S> {
        let undoable = self.undoable.len();
        match index {
            _ if index < undoable => &self.undoable[index].step,
            _ if index == undoable => &self.decisive,
            _ => &self.certain[index - undoable - 1],
        }
    }

    /// The index of the step of this name.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        (0..self.len()).find(|&index| self.step(index).name == name)
    }

    /// The name of the step an action is about, and what it asks for. None when there is nothing to do.
    pub fn request(&self, action: Action, subject: &S) -> Option<(&'static str, Request)> {
        let (step, ask) = match action {
            Action::Do(index) => (self.step(index), self.step(index).ask),
            Action::Undo(index) => (self.step(index), self.undoable[index].undo),
            Action::Close => (&self.undone, self.undone.ask),
            Action::Done | Action::Undone => return None,
        };
        Some((step.name, ask(subject)))
    }

    /// Teaches the subject what the step asked for by `action` was answered; an undo's answer teaches nothing.
    pub fn learn(&self, action: Action, subject: &mut S, answer: &Value) -> Result<(), serde_json::Error> {
        match action {
            Action::Do(index) => (self.step(index).learn)(subject, answer),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
