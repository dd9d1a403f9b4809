//! What keys do in 培训: its lists, its pages, the sheet of a meeting, the merging of two records.

use std::collections::BTreeSet;

use onex_crdt::action::{Action, Given};
use onex_crdt::field::Field;
use onex_crdt::field::number::Decimal1;
use onex_crdt::field::time::Date;
use onex_crdt::ids::RecordId;
use onex_crdt::record::{Record, Row};
use onex_crdt::records::attendance::Mark;
use onex_crdt::records::attendance::actions::{MARK, MEETING_ADD};
use onex_crdt::records::class::actions::{CONFIRM, ENROL, OPEN};
use onex_crdt::records::class::enrolment::Enrolment;
use onex_crdt::records::class::{Class, ClassRef};
use onex_crdt::records::learner::Learner;
use onex_crdt::records::learner::actions::{ADD, EDIT, MERGE};
use onex_crdt::value::Value;

use crate::core::form::{Draft, FormState, text_of};
use crate::core::keys::{Key, ascii_of};
use crate::core::list::{ListState, Ticks};
use crate::core::load::{ListOf, Many, Rows, Task, Want};
use crate::core::marking::{Marking, Seat, shape};
use crate::core::model::{Model, Notice, Screen};
use crate::core::training::{Area, ClassPage, LEARNERS, Page, Part, Reveal};
use crate::core::update::{detail_ask, go, list_ask, open, reload};
use crate::view::theme::Mark as Sign;

/// What an entry of the table does here.
#[derive(Debug, Clone, Copy)]
pub enum Train {
    /// Shows the other list.
    Part,
    /// Takes the mark to the other part of the class's page.
    Area,
    /// Ticks the marked place of the roster, or takes its tick away.
    Tick,
    /// Ticks everybody who is in the class; when all are ticked, nobody.
    TickAll,
    /// Opens the learners who could be put into the class.
    Pick,
    /// Puts those who are ticked into the class.
    Enrol,
    /// Opens the sheet of the marked meeting.
    Sheet,
    /// Gives the marked seat a mark.
    Mark(Mark),
    /// Gives the marked seat the next mark.
    Cycle,
    /// Moves by columns of the sheet.
    Column(isize),
    /// Saves the sheet.
    Save,
    /// Takes the last letter of the jump back.
    Unjump,
    /// Compares the two that are ticked.
    Pair,
    /// Shows personal data whole, when asked twice.
    Reveal,
    /// Keeps the other one of the two.
    Turn,
    /// Merges the two.
    Merge,
}

/// Does what an entry of the table says.
pub fn does(model: &mut Model, does: Train) -> Vec<Task> {
    match does {
        Train::Part => part(model),
        Train::Pick => pick(model),
        Train::Enrol => enrol(model),
        Train::Sheet => sheet(model),
        Train::Save => save(model),
        Train::Pair => pair_ticked(model),
        Train::Merge => merge(model),
        Train::Reveal => reveal(model),
        Train::Area | Train::Turn => {
            turn(model);
            Vec::new()
        }
        Train::Tick | Train::TickAll => {
            tick(model, does);
            Vec::new()
        }
        Train::Mark(_) | Train::Cycle | Train::Column(_) | Train::Unjump => {
            mark(model, does);
            Vec::new()
        }
    }
}

fn part(model: &mut Model) -> Vec<Task> {
    model.training.part = match model.training.part {
        Part::Classes => Part::Learners,
        Part::Learners => Part::Classes,
    };
    list_ask(model)
}

fn turn(model: &mut Model) {
    match model.training.page_mut() {
        Some(Page::Class { area, .. }) => {
            *area = if *area == Area::Roster { Area::Meetings } else { Area::Roster };
        }
        Some(Page::Pair { kept, .. }) => *kept = 1 - *kept,
        _ => {}
    }
}

fn tick(model: &mut Model, does: Train) {
    let Some(class) = model.training.class.as_ref() else { return };
    let is_in = |row: &&Row| row.state() != Some("removed");
    let all: BTreeSet<RecordId> = class.places.iter().filter(is_in).map(|row| row.id).collect();
    let count = class.places.len();
    let marked = |at: usize| class.places.get(at).map(|row| row.id);
    let Some(Page::Class { place, ticks, .. }) = model.training.pages.last_mut() else { return };
    match (does, marked(*place)) {
        (Train::TickAll, _) if *ticks == all => ticks.clear(),
        (Train::TickAll, _) => *ticks = all,
        (_, None) => {}
        (_, Some(id)) => {
            if !ticks.remove(&id) {
                ticks.insert(id);
            }
            *place = (*place + 1).min(count.saturating_sub(1));
        }
    }
}

/// The ticked places of the roster that an action can be taken on: a confirmation is of those who
/// have not confirmed yet.
pub fn ticked_for(model: &Model, action: &Action) -> Option<Many> {
    let ticks = model.training.ticked_places()?;
    let places = &model.training.class.as_ref()?.places;
    let takes = |row: &&Row| {
        let asks = action.id != CONFIRM.id || !row.is("learner_confirmed");
        ticks.contains(&row.id) && asks && action.from.contains(&row.state().unwrap_or_default())
    };
    let ids: Vec<RecordId> = places.iter().filter(takes).map(|row| row.id).collect();
    (action.kind == Some(Enrolment::KIND) && !ids.is_empty()).then_some(Many::Ids(ids))
}

/// Moves the mark of the page; nothing where a list is shown.
pub fn step(model: &mut Model, by: isize) -> bool {
    let to = |at: usize, len: usize| at.saturating_add_signed(by).min(len.saturating_sub(1));
    let class = model.training.class.as_ref();
    let (places, meetings) =
        class.map_or((0, 0), |class| (class.places.len(), class.meetings.len()));
    match model.training.page_mut() {
        None | Some(Page::Pick { .. }) => return false,
        Some(Page::Class { area: Area::Roster, place, .. }) => *place = to(*place, places),
        Some(Page::Class { meeting, .. }) => *meeting = to(*meeting, meetings),
        Some(Page::Learner { scroll, .. } | Page::Pair { scroll, .. }) => {
            *scroll = scroll.saturating_add_signed(by).min(SCROLL_MAX);
        }
        Some(Page::Marking(marking)) => marking.step(by),
    }
    true
}

/// Opens what is marked.
pub fn enter(model: &mut Model) -> Vec<Task> {
    let marked = model.training.list().and_then(ListState::current).map(|row| row.id);
    match (model.training.page(), model.training.part) {
        (None, Part::Classes) => marked.map_or_else(Vec::new, |id| class(model, id)),
        (None, Part::Learners) => marked.map_or_else(Vec::new, |id| learner(model, id)),
        (Some(Page::Class { area: Area::Meetings, .. }), _) => sheet(model),
        (Some(Page::Class { id, place, .. }), _) => {
            let places = model.training.class_of(*id).map(|class| &class.places);
            let place = places.and_then(|places| places.get(*place));
            let id = place.and_then(|place| place.id_of("learner_id"));
            id.map_or_else(Vec::new, |id| learner(model, id))
        }
        (Some(Page::Learner { .. }), _) => open::act(model, &EDIT),
        (Some(Page::Marking(_)), _) => differing(model),
        (Some(Page::Pick { .. }), _) => enrol(model),
        (Some(Page::Pair { .. }), _) => Vec::new(),
    }
}

/// Takes the ticks of the roster away, else closes the page; what the sheet says unsaved is kept.
pub fn back(model: &mut Model) -> Option<Vec<Task>> {
    keep(model);
    if let Some(Page::Class { ticks, .. }) = model.training.page_mut()
        && !ticks.is_empty()
    {
        ticks.clear();
        return Some(Vec::new());
    }
    model.training.pages.pop()?;
    let mut tasks = model.drafts.write();
    tasks.extend(reload(model));
    Some(tasks)
}

/// Opens the page of a class.
pub fn class(model: &mut Model, id: RecordId) -> Vec<Task> {
    let page = Page::Class { id, area: Area::Roster, place: 0, ticks: BTreeSet::new(), meeting: 0 };
    model.training.pages.push(page);
    vec![model.ask(Want::Class(id))]
}

/// Opens the sheet of a meeting over the page of its class.
pub fn sheet_of(model: &mut Model, class_id: RecordId, meeting: RecordId) -> Vec<Task> {
    let mut tasks = from_elsewhere(model, class_id);
    if let Some(Page::Class { area, .. }) = model.training.page_mut() {
        *area = Area::Meetings;
    }
    tasks.extend(seats_of(model, meeting));
    tasks
}

/// Opens the page of a class at the first learner who has not confirmed.
pub fn unconfirmed(model: &mut Model, class_id: RecordId) -> Vec<Task> {
    model.training.wants_unconfirmed = true;
    from_elsewhere(model, class_id)
}

fn from_elsewhere(model: &mut Model, class_id: RecordId) -> Vec<Task> {
    let mut tasks = go(model, Screen::Training);
    model.training.part = Part::Classes;
    tasks.extend(class(model, class_id));
    tasks
}

/// Opens the page of a learner.
pub fn learner(model: &mut Model, id: RecordId) -> Vec<Task> {
    model.training.pages.push(Page::Learner { id, scroll: 0, reveal: Reveal::Masked });
    vec![model.ask(Want::Learner(id))]
}

/// Asks first, then writes down who looks; only after that it is shown.
fn reveal(model: &mut Model) -> Vec<Task> {
    let Some(Page::Learner { id, reveal, .. }) = model.training.page_mut() else {
        return Vec::new();
    };
    let id = *id;
    match reveal {
        Reveal::Masked => {
            *reveal = Reveal::Asked;
            model.notice = Some(Notice::Said(Sign::Attention, "notice-reveal"));
            Vec::new()
        }
        Reveal::Asked => vec![Task::Reveal { kind: Learner::KIND, id }],
        Reveal::Shown => {
            *reveal = Reveal::Masked;
            Vec::new()
        }
    }
}

/// It is written down who looks.
pub fn revealed(model: &mut Model, looked_at: RecordId) {
    if let Some(Page::Learner { id, reveal, .. }) = model.training.page_mut()
        && *id == looked_at
    {
        *reveal = Reveal::Shown;
    }
}

/// Opens two records of one person side by side; from wherever they were found.
pub fn pair(model: &mut Model, ids: [RecordId; 2]) -> Vec<Task> {
    let mut tasks = match model.screen {
        Screen::Training => Vec::new(),
        _ => go(model, Screen::Training),
    };
    model.training.part = Part::Learners;
    model.training.pages.push(Page::Pair { ids, kept: 0, scroll: 0 });
    tasks.push(model.ask(Want::Pair(ids)));
    tasks
}

fn pair_ticked(model: &mut Model) -> Vec<Task> {
    match ticked_pair(model) {
        Some(ids) => pair(model, ids),
        None => Vec::new(),
    }
}

/// The two learners that are ticked, when there are two.
pub fn ticked_pair(model: &Model) -> Option<[RecordId; 2]> {
    let list = model.training.list().filter(|list| list.spec.kind == Learner::KIND)?;
    let Ticks::Only(ids) = &list.ticks else { return None };
    let ids: Vec<RecordId> = ids.iter().copied().collect();
    <[RecordId; 2]>::try_from(ids).ok()
}

fn merge(model: &mut Model) -> Vec<Task> {
    let Some(Page::Pair { ids, kept, .. }) = model.training.page() else { return Vec::new() };
    let from = Some(Value::Bytes(ids[1 - *kept].0.to_vec()));
    let given = Given::from([("from".to_owned(), from)]);
    vec![Task::Act { action: &MERGE, ids: vec![ids[*kept]], given }]
}

/// Opens the active learners to choose from.
fn pick(model: &mut Model) -> Vec<Task> {
    let Some(Page::Class { id, .. }) = model.training.page() else { return Vec::new() };
    let class = *id;
    let list = ListState::new(&LEARNERS);
    model.training.pages.push(Page::Pick { class, list: Box::new(list) });
    list_ask(model)
}

/// Puts those who are ticked, else the one who is marked, into the class of the page; from the
/// list of learners it asks for the class.
fn enrol(model: &mut Model) -> Vec<Task> {
    let Some(list) = model.training.list() else { return Vec::new() };
    let marked = list.current().map(|row| Many::Ids(vec![row.id]));
    let Some(many) = open::ticked(model).or(marked) else { return Vec::new() };
    let class = match model.training.page() {
        Some(Page::Pick { class, .. }) => Some(*class),
        _ => None,
    };
    let mut form = FormState::new(&ENROL, class, &["learner_id"]);
    if class.is_none() {
        form.ask_subject(Class::KIND, ClassRef::TYPE);
    }
    form.many = Some(many);
    form.into = Some("learner_id");
    form.effect = Some("effect-enrol");
    open::open(model, form);
    Vec::new()
}

/// The form of a new meeting of the class that is open, with what is likely filled in.
pub fn meeting_form(model: &Model) -> Option<FormState> {
    let Some(Page::Class { id, .. }) = model.training.page() else { return None };
    let class = model.training.class_of(*id)?;
    let mut form = FormState::new(&MEETING_ADD, None, &["class_id"]);
    form.preset.insert("class_id".into(), Some(Value::Bytes(id.0.to_vec())));
    let last = class.meetings.first();
    let teachers = class.row.fields.get("teachers").and_then(Value::as_list).unwrap_or_default();
    let teacher = last.and_then(|row| row.text("teacher")).or(teachers.first().map(String::as_str));
    let today = model.now().map(|now| now.date().to_string());
    let hours = last.and_then(|row| row.fields.get("hours"));
    let hours = hours.map(|hours| text_of(&Decimal1::<5, 120>::TYPE.shape, hours));
    let room = class.row.text("room").map(str::to_owned);
    let likely = [
        ("held_on", today),
        ("hours", hours),
        ("teacher", teacher.map(str::to_owned)),
        ("room", room),
    ];
    fill(&mut form, likely);
    form.reason = None;
    Some(form)
}

/// The form of a new class, which is likely to begin today.
pub fn class_form(model: &Model) -> FormState {
    let mut form = FormState::new(&OPEN, None, &[]);
    let today = model.now().map(|now| now.date());
    let begin = today.map(|today| today.to_string());
    fill(&mut form, [("term", today.map(term_of)), ("starts_on", begin)]);
    form
}

/// The term of a day: autumn lasts until January.
pub fn term_of(day: Date) -> String {
    match day.month() {
        1 => format!("{}-2", day.year() - 1),
        2..=7 => format!("{}-1", day.year()),
        _ => format!("{}-2", day.year()),
    }
}

fn fill<const N: usize>(form: &mut FormState, likely: [(&'static str, Option<String>); N]) {
    for (key, text) in likely {
        if let (Some(field), Some(text)) = (form.field_mut(key), text) {
            field.text = text;
        }
    }
}

/// Opens the sheet of the marked meeting with what was said and not saved.
fn sheet(model: &mut Model) -> Vec<Task> {
    let Some(Page::Class { id, meeting, .. }) = model.training.page() else { return Vec::new() };
    let class = model.training.class_of(*id);
    let meeting = class.and_then(|class| class.meetings.get(*meeting)).map(|row| row.id);
    let Some(meeting) = meeting else {
        model.notice = Some(Notice::Said(Sign::Attention, "notice-no-meeting"));
        return Vec::new();
    };
    seats_of(model, meeting)
}

/// Opens the sheet of a meeting over the page that is open.
fn seats_of(model: &mut Model, meeting: RecordId) -> Vec<Task> {
    model.training.pages.push(Page::Marking(Box::new(Marking::new(meeting))));
    vec![model.ask(Want::Seats(meeting))]
}

/// Takes the seats that were read.
pub fn take_seats(model: &mut Model, meeting: RecordId, seats: Vec<Seat>) {
    let left = model.drafts.get(&(MARK.id, Some(meeting))).map(|kept| kept.texts.clone());
    let Some(marking) = model.training.marking_mut().filter(|open| open.meeting == meeting) else {
        return;
    };
    let is_first = marking.seats.is_none();
    marking.take(seats);
    let Some(left) = left.filter(|_| is_first) else { return };
    for (learner, mark) in said_of(&left) {
        let seats = marking.seats.as_mut().into_iter().flatten();
        seats.filter(|seat| seat.learner == learner).for_each(|seat| seat.mark = mark);
    }
    model.notice = Some(Notice::Said(Sign::Working, "notice-draft-restored"));
}

/// The marks of a draft.
fn said_of(draft: &Draft) -> Vec<(RecordId, Mark)> {
    let items = draft.get("except").map(String::as_str).unwrap_or_default().split(',');
    let read = |item: &str| {
        let (learner, mark) = item.split_once(':')?;
        let mark = Mark::ALL.iter().find(|known| known.id() == mark)?;
        Some((learner.parse().ok()?, *mark))
    };
    items.filter_map(read).collect()
}

/// Keeps what the sheet says unsaved as a draft.
pub fn keep(model: &mut Model) {
    let Some(marking) = model.training.marking().filter(|marking| marking.seats.is_some()) else {
        return;
    };
    let said = marking.said();
    let key = (MARK.id, Some(marking.meeting));
    if said.is_empty() {
        model.drafts.forget(key);
        return;
    }
    let items = said.iter().map(|(learner, mark)| format!("{learner}:{}", mark.id()));
    let text = items.collect::<Vec<_>>().join(",");
    model.drafts.keep(key, Draft::from([("except", text)]));
}

fn mark(model: &mut Model, does: Train) {
    let (rows, _) = shape(model.size);
    let Some(marking) = model.training.marking_mut() else { return };
    match does {
        _ if marking.is_sending => {}
        Train::Mark(mark) => marking.mark(mark),
        Train::Cycle => marking.cycle(),
        Train::Column(by) => marking.step(by * isize::try_from(rows).unwrap_or(1)),
        _ => marking.unjump(),
    }
    keep(model);
}

/// Offers a key to the sheet: letters, hanzi and digits jump to a name.
pub fn typed(model: &mut Model, key: Key) -> Option<Vec<Task>> {
    let marking = model.training.marking_mut().filter(|_| model.screen == Screen::Training)?;
    let letter = key.text().map(ascii_of);
    let letter = letter.filter(|letter| letter.is_alphanumeric())?;
    marking.jump(letter);
    Some(Vec::new())
}

/// Saves the sheet as one act: everybody who was not recorded, and what differs now.
fn save(model: &mut Model) -> Vec<Task> {
    let Some(marking) = model.training.marking_mut().filter(|open| !open.is_sending) else {
        return Vec::new();
    };
    let marks = marking.new_marks();
    if marks.is_empty() {
        model.notice = Some(Notice::Said(Sign::Absent, "notice-unchanged"));
        return Vec::new();
    }
    marking.is_sending = true;
    let except = marks.iter().filter(|(_, mark)| *mark != Mark::Present);
    let except: Vec<String> =
        except.map(|(learner, mark)| format!("{learner}:{}", mark.id())).collect();
    let learners = marks.iter().map(|(learner, _)| learner.to_string()).collect();
    let meeting = Value::Bytes(marking.meeting.0.to_vec());
    let mut given = Given::from([
        ("meeting_id".to_owned(), Some(meeting)),
        ("learner_id".to_owned(), Some(Value::List(learners))),
        ("mark".to_owned(), Some(Mark::Present.to_value())),
    ]);
    if !except.is_empty() {
        given.insert("except".to_owned(), Some(Value::List(except)));
    }
    vec![Task::Act { action: &MARK, ids: Vec::new(), given }]
}

/// Leads from a seat about which markers differ to the conflict.
fn differing(model: &mut Model) -> Vec<Task> {
    let seat = model.training.marking().and_then(Marking::current);
    let Some(row) = seat.filter(|seat| seat.differs()).and_then(|seat| seat.recorded.as_ref())
    else {
        return Vec::new();
    };
    let id = row.id;
    keep(model);
    let tasks = go(model, Screen::Sync);
    model.conflict_wanted = Some(id);
    tasks
}

/// An action was carried out on a record, or not: the page that asked for it is done.
pub fn acted(model: &mut Model, action: &Action, made: Option<RecordId>) {
    if let Some(marking) = model.training.marking_mut().filter(|_| action.id == MARK.id) {
        marking.is_sending = false;
    }
    let Some(made) = made else { return };
    let is_asked = match model.training.page() {
        Some(Page::Marking(marking)) => {
            model.drafts.forget((MARK.id, Some(marking.meeting)));
            action.id == MARK.id
        }
        Some(Page::Pick { .. }) => action.id == ENROL.id,
        Some(Page::Pair { .. }) => action.id == MERGE.id,
        _ => false,
    };
    if is_asked {
        model.training.pages.pop();
    }
    if action.kind == Some(Enrolment::KIND)
        && let Some(Page::Class { ticks, .. }) = model.training.page_mut()
    {
        ticks.clear();
    }
    match action.id {
        id if id == MERGE.id => model.training.learners.ticks = Ticks::none(),
        id if id == OPEN.id => model.training.classes.selected_id = Some(made),
        id if id == ADD.id => model.training.learners.selected_id = Some(made),
        _ => {}
    }
}

/// Which list is shown.
pub fn list_of(model: &Model) -> ListOf {
    match (model.training.page(), model.training.part) {
        (Some(_), _) => ListOf::Pick,
        (None, Part::Classes) => ListOf::Classes,
        (None, Part::Learners) => ListOf::Learners,
    }
}

/// Takes learners that were read for a class.
pub fn take_picks(model: &mut Model, rows: Rows) {
    if let Some(Page::Pick { list, .. }) = model.training.page_mut() {
        list.take(rows);
    }
}

/// Reads what the page, or the list and its detail, shows.
pub fn ask(model: &mut Model) -> Vec<Task> {
    let want = match model.training.page() {
        None | Some(Page::Pick { .. }) => {
            let mut tasks = list_ask(model);
            tasks.extend(detail_ask(model));
            return tasks;
        }
        Some(Page::Class { id, .. }) => Want::Class(*id),
        Some(Page::Learner { id, .. }) => Want::Learner(*id),
        Some(Page::Marking(marking)) => Want::Seats(marking.meeting),
        Some(Page::Pair { ids, .. }) => Want::Pair(*ids),
    };
    vec![model.ask(want)]
}

/// What a wide window shows beside the list.
pub fn detail_want(model: &Model) -> Option<Want> {
    let training = &model.training;
    if training.page().is_some() {
        return None;
    }
    let id = training.list()?.current()?.id;
    match training.part {
        Part::Classes => training.class_of(id).is_none().then_some(Want::Class(id)),
        Part::Learners => training.learner_of(id).is_none().then_some(Want::Learner(id)),
    }
}

/// Takes a class that was read.
pub fn take_class(model: &mut Model, page: ClassPage) {
    let wanted = std::mem::take(&mut model.training.wants_unconfirmed);
    let waits = |row: &Row| row.state() == Some("enrolled") && !row.is("learner_confirmed");
    let wanted = wanted.then(|| page.places.iter().position(waits)).flatten();
    if let Some(Page::Class { place, meeting, .. }) = model.training.page_mut() {
        *place = wanted.unwrap_or(*place);
        *place = (*place).min(page.places.len().saturating_sub(1));
        *meeting = (*meeting).min(page.meetings.len().saturating_sub(1));
    }
    model.training.class = Some(page);
}

/// The row of a kind that an action would take here.
pub fn subject_of<'a>(model: &'a Model, action: &Action) -> Option<&'a Row> {
    let subjects = model.training.subjects();
    subjects.into_iter().find(|(kind, _)| action.kind == Some(kind)).map(|(_, row)| row)
}

const SCROLL_MAX: usize = 10_000;
