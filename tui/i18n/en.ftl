# The texts of the interface. Each has its namesake in zh.ftl, with the same arguments.

key-space = Space
key-backspace = Backspace

window-small = At least { $width_min }×{ $height_min }, now { $width }×{ $height }.
window-enlarge = Please enlarge the window, or Ctrl+- for a smaller font
window-calm = Your work is safe

command-not-done = Not done
command-no-terminal = The interface needs a terminal; without one use the commands of onex --help
command-unknown-action = there is no action "{ $given }"; onex do --list names them all
command-unknown-action-of = there is no action "{ $given }"; there are: { $known }
command-unknown-kind = there is no kind of record "{ $given }"; there are: { $known }
command-unknown-field = there is no field "{ $given }"; there are: { $known }
command-unknown-parameter = the action has no parameter "{ $given }"; it has: { $known }
command-no-pair = "{ $given }" is not of the form NAME=VALUE
command-twice = "{ $given }" is given twice
command-no-condition = the condition "{ $given }" is not of the form F=V, F>=V or F<=V
command-bad-condition = the condition "{ $given }" cannot hold: { $why }
command-no-csv = "{ $given }" cannot be written as CSV
command-total = { $count } in all
command-shown = { $count } in all, { $shown } shown
command-undone = Undone "{ $action }": { $count } restored, { $left } changed since and left alone
command-undone-left =   { $id }  changed since: { $since } (to undo it too: also={ $id })
command-done = Done: { $action } { $id }
command-state = state: { $state }
command-pending = awaits a second person: { $action }
command-digits = Digits: { $digits }. The inviter runs onex do device.confirm digits=…
command-joined = Joined { $name }
command-invited = The invitation was written to { $file }
command-founded = Founded { $name } in { $home }
command-serving = Listening at { $listen }; Ctrl+C stops
command-peer-equal = { $name } { $device }: equal, { $sent } sent, { $received } received
command-peer-differs = { $name } { $device }: reached, not equal yet, { $sent } sent, { $received } received
command-peer-lost = { $name } { $device }: not reached
command-unsent = Unsent changes: { $count }
command-person = Person: { $person } ({ $roles })
command-device = Device: { $device }
command-org = Organisation: { $name } ({ $role })
command-conflicts = Open conflicts: { $count }, quarantined: { $held }
command-peers = Known peers: { $count }
command-demo-done = The demo stands in { $dir }: { $steps } steps, { $seconds } s

why-no-node = no node lives in the folder yet ({ $detail })
next-no-node = Found one with onex init or join with onex join; ONEX_HOME names the folder
why-not-joined = this device has not been let in yet
next-not-joined = Ask the inviter to compare the digits and confirm, then run onex join
why-node-exists = a node lives in this folder already
next-node-exists = Name another folder with ONEX_HOME
why-membership = the membership log does not allow it ({ $detail })
next-membership = Ask your administrator to check this device and your roles
why-invitation = the invitation cannot be used ({ $detail })
next-invitation = Ask the inviter for a new one
why-no-such-digits = no device waits with these digits
next-no-such-digits = Compare the digits on both screens and type them again
why-not-let-in = the inviter did not agree ({ $detail })
next-not-let-in = Talk to the inviter; ask for a new invitation if need be
why-no-peer = no node to sync with is known
next-no-peer = Join with onex join, or wait until another node connects
why-not-listening = this node has never listened, so nobody could come with an invitation
next-not-listening = Run onex serve --listen HOST:PORT first and leave it running, then invite
why-terminal = the terminal cannot show the interface: { $detail }
next-terminal = Use another terminal window, or the commands of onex --help
why-unreachable = nobody could be reached ({ $detail })
next-unreachable = Check the network and that the other side runs onex serve, then try again
why-not-confirmed = the inviter has not confirmed in time
next-not-confirmed = Run onex join with the same invitation when the inviter is ready
why-disk = the file or folder cannot be used ({ $detail })
next-disk = Check path, rights and free space, then try again
why-system = the system failed ({ $detail })
next-system = Try again; if it stays so, pass this line on to those who look after the computer
why-demo = step { $step } of the demo is not as the story has it: { $detail }
next-demo = Pass this line on to the developers
why-demo-folder = the folder { $detail } is not empty
next-demo-folder = Name an empty one with --dir

rail-jump = Jump to
rail-jump-keys = F10 or Ctrl+K
rail-find = Type a name
rail-find-how = to find it

table-position = row { $row } / { $total }
table-ticked = { $count } ticked

form-missing = { $count ->
    [one] { $count } field to go before you can submit
   *[other] { $count } fields to go before you can submit
}
form-complete = ✓ All filled in, ready to submit
form-unfilled = (empty)
form-position = field { $field } / { $total }

palette-title = What do you want to do?
palette-foot = Hanzi, pinyin or initials (cj) · { $count ->
    [one] { $count } result
   *[other] { $count } results
}
palette-none = Nothing like that, try other words

help-title = Help · { $place }
help-here = On “{ $place }” you can
help-anywhere = Everywhere
help-marks = Marks
help-marks-good = passed/done
help-marks-attention = look at it
help-marks-due = due today
help-marks-problem = failed/wrong
help-marks-working = in progress
help-marks-absent = none/offline
help-marks-syncing = syncing
help-ime = With a Chinese input method on, letters go to it first: use F keys and digits, or type hanzi to find.
help-close = Esc closes

refusal-what = “{ $action }” was not done
refusal-at-field = { $field }: { $why }
refusal-line = { $what }: { $why }. { $next }

why-no-right = you have no role on this device that may do it
next-no-right = Ask your administrator for the role, or someone who has it
why-unknown-record = there is no such record here, or none that you may see
next-unknown-record = Sync with Ctrl+R or onex sync and choose again
why-unknown-device = there is no such device, or fewer than eight digits of its id were given
next-unknown-device = onex list device shows the ids
why-unknown-parameter = this action has no such entry
next-unknown-parameter = Check its name or leave it out
why-state = it is now: { $state }; this needs: { $from }
next-state = Look at its history first
why-in-conflict = it has two different values and none is chosen yet
next-in-conflict = See both on the Sync page, then save the right one
why-more-than = it must not be above { $limit }, { $most }
next-more-than = Lower it, or check { $limit }
why-duplicate = there is one like it already
next-duplicate = Open that one and change it
why-not-listed = this certificate level is not on the provincial list yet
next-not-listed = Choose a listed level, or ask the project office to list it
why-no-standard = this certificate level has no published standard yet
next-no-standard = Ask the evaluator to publish its standard first
why-already-listed = this certificate level is on the list already
next-already-listed = Nothing to do
why-no-open-call = no call for applications is open now
next-no-open-call = Wait for the project office; a draft can stay
why-no-agreement = college and evaluator have no agreement in force
next-no-agreement = Have both propose and confirm one first
why-other-version = the version named is not the one that stands
next-other-version = Open it again, look at the newest version, then confirm
why-already-decided = this version has the same decision already
next-already-decided = No need to do it again
why-same-person = the second person must be another one on another device
next-same-person = Ask a colleague to do it on their device
why-needs-role = one of the two persons must be: { $role }
next-needs-role = Ask the { $role }
why-has-node = this organisation has a device and does this itself
next-has-node = Ask them to do it on their device
why-wrong-organisation = the organisation is of another kind
next-wrong-organisation = Choose another organisation
why-own-proposal = only the other side can confirm your own proposal
next-own-proposal = Ask the other side to confirm on its device
why-weights = weights and full marks do not add up to 100
next-weights = Change them so that they make 100
why-no-pass-rule = no pass condition is given
next-no-pass-rule = Give at least one pass mark
why-ends-before-start = the end lies before the beginning
next-ends-before-start = Correct the two dates
why-nothing-changed = it is just what stands there already
next-nothing-changed = Nothing to do; change it first if it must change
why-differs = it is not what { $from } says
next-differs = Correct it by the document; sex and birth date of a resident ID may be left out
why-old-number = only members of the public may have a number of 15 digits
next-old-number = Enter the number of 18 characters
why-same-record = it is the same record
next-same-record = Pick another one
why-not-of-class = it is none of those that the class names
next-not-of-class = Pick one of the class's teachers or units, or edit the class first
why-not-in-class = a learner is not in this class
next-not-in-class = Enrol the learner first
why-nothing-to-undo = there is nothing to undo
next-nothing-to-undo = Name the act or batch with id=
why-not-undoable = this cannot be undone
next-not-undoable = Edit it, or take the opposite action
why-others-work = somebody else did it
next-others-work = Ask that person or an administrator to undo it
why-no-choice = neither a choice nor another value was given
next-no-choice = Pick one with choice=, or give another with value=

why-missing = required and still empty
next-missing = Fill it in and try again
why-length = { $min } to { $max } characters are allowed, it has { $found }
next-length = Make it fit and try again
why-characters = it has a character that is not allowed here
next-characters = Take it out; a name field takes only the name
why-whole-number = a whole number is needed
next-whole-number = Write digits only, such as 90
why-number = a number with at most { $decimals } decimals is needed
next-number = Write digits only, such as 300.00
why-range = it must be between { $min } and { $max }
next-range = Check it and correct it
why-date = there is no such day, or it does not fit here
next-date = Write it like 2026-04-30
why-check-digit = the check character should be { $expected }
next-check-digit = Compare it with the document, digit by digit
why-form = it should have the form { $form }
next-form = Write it in that form
why-unknown-choice = it is none of: { $choices }
next-unknown-choice = Choose one of these (F4 shows them)
why-unknown-code = the standard does not list this code
next-unknown-code = Check it against the code table
why-excluded = technical schools do not take part in the pilot
next-excluded = Choose another college type

program = 1+X pilots
screen-today = Today
screen-lines = Applications
screen-training = Training
screen-directory = Directory
screen-sync = Sync
screen-settings = Settings
screen-welcome = First use

cmd-up = up
cmd-down = down
cmd-scroll = scroll
cmd-choose = move
cmd-do = do it
cmd-open = open
cmd-edit = edit
cmd-change = change
cmd-take = take
cmd-close = close
cmd-send = save
cmd-next = next field
cmd-previous = previous field
cmd-choices = choices
cmd-leave-form = leave (nothing is lost)
cmd-page-up = page up
cmd-page-down = page down
cmd-home = to the start
cmd-end = to the end
cmd-next-step = go on
cmd-glyphs = change the borders
cmd-colours = change the colours
cmd-back = back
cmd-find = find
cmd-find-keep = to the results
cmd-find-clear = clear the search
cmd-tick = tick
cmd-all = tick all
cmd-sort = sort
cmd-filter = filter
cmd-turn = up/down
cmd-unchip = drop filter
list-untick = untick
sort-own = usual order
filter-chips = Only
filter-queue = waiting
form-many = { $count } ticked
failure-too-many = at most 20,000 at once: filter first
failure-list-moved = the list has just changed, nothing was done; look again first
cmd-invite = Invite device
cmd-help = help
cmd-palette = menu
cmd-language = 中文 / English
cmd-sync = sync now
cmd-repaint = repaint
cmd-quit = quit
cmd-interrupt = quit (press twice)
kind-open = open
kind-do = do
kind-program = program

sync-starting = opening
sync-not-joined = not joined
sync-running = syncing
sync-conflicts = { $count } to settle
sync-unsent = { $count } to send
sync-never = never synced
sync-offline = offline, last sync { $ago }
sync-done = synced { $at }
sync-all-sent = Everything has been sent
sync-asking = Devices that ask to join: compare the digits on both screens
sync-conflict-list = Changed by two people, waiting for you
sync-no-conflicts = None. All changes merged by themselves
sync-peers = Organisations met
sync-no-peers = No other device met yet

age-today = today
age-yesterday = yesterday
age-days = { $days ->
    [one] { $days } day ago
   *[other] { $days } days ago
}
age-hours = { $hours ->
    [one] { $hours } hour ago
   *[other] { $hours } hours ago
}

notice-saved = All changes are saved on this computer; you can work without a network
notice-saving = saving…
notice-reading = reading…
notice-done = { $what }: saved on this computer
notice-failed = Not done: { $what }. Your text is still here, try again
notice-unsaved = Not saved yet: F2 saves it, Esc leaves and keeps what you typed
notice-drafts = { $count ->
    [one] { $count } unfinished form is kept until you quit; open it to go on
   *[other] { $count } unfinished forms are kept until you quit; open them to go on
}
notice-drafts-lost = Quitting loses what you typed: save it with F2, or press the key again
notice-draft-kept = What you typed is kept until you quit; open it again to go on
notice-draft-restored = What you had typed is back
notice-unchanged = Nothing changed, nothing to save
notice-form-wrong = One field needs mending first; the cursor is there
notice-gone = This record is no longer here
notice-again-to-leave = Press Ctrl+C again to quit
notice-sync-nobody = No other device answered; your changes are here, try again later
notice-synced = Synced, devices met: { $what }
notice-invited = Invitation written to { $what }; hand it over
notice-let-in = The device is in
notice-entered = You are in and can begin
notice-welcome = There is no data yet; every step here can be taken back

today-nothing = { $name }, nothing is due today.
today-count = { $name }, { $count ->
    [one] { $count } thing is due.
   *[other] { $count } things are due.
}
today-next = Press 2 for applications, 0 for the directory. New things appear here by themselves.
due-asking = wants to join
due-conflict = to settle
due-returned = returned
due-draft = draft
due-requested = waiting
due-submitted = to review
due-second = to sign
due-request = request
due-contact = contact
due-contact-old = { $name }, not confirmed since { $day }
due-unsent = to send
due-unsent-count = { $count ->
    [one] { $count } change has not arrived yet, made { $since }
   *[other] { $count } changes have not arrived yet, oldest { $since }
}
does-compare = compare
does-choose = settle
does-mend = mend
does-continue = continue
does-look = look
does-review = review
does-sign = sign
does-confirm = check
does-sync = sync

lines-queue = Applications · waiting for the project office, oldest first
lines-all = Applications · all
lines-none-found = Nothing found.
lines-none-found-why = Try another word, or Esc to clear the search.
lines-none-hub = No application is waiting.
lines-none-hub-why = They appear here when colleges submit. Del drops "waiting" and shows all.
lines-none-college = No application lines yet.
lines-none-college-why = F6 adds one; it works without a network and is sent later.
lines-none = No applications here yet.
lines-none-why = Lines that name your certificates appear here once colleges submit them.
column-state = State
column-certificate = Certificate (level)
column-planned = People
column-number = Filing no. / missing
column-college = College
column-age = Submitted
column-organisation = Organisation
column-code = Code
column-role = Role
column-region = Reports via
line-second = second signs
line-second-of = { $name } has signed; another person must sign on another device
line-stale = Made on outdated information, please check
line-reason = Reason of the last decision: { $reason }
line-changed = Changed since the version before
line-history = History (newest first)
line-fields = What it says
line-missing = { $count } missing
line-conflicts = { $count } to settle
step-edit = edit
step-receipt = received and registered
step-number = filing number given

training-classes = classes
training-learners = learners
training-none-found-why = Try another word, or press Esc or Del to drop search and filters.
training-no-learners = No learners yet.
training-no-learners-why = Import a list first: F10, then "import"; or add one by one with F6.
training-no-classes = No classes yet.
training-no-classes-why = F6 opens a class; in it, F6 takes learners from the register. Import a list first.
training-no-classes-hub = Colleges open classes; rosters stay on the college's own devices.
training-pick = Enrol in { $class } · Space ticks, Enter enrols
column-class = class
column-people = people
column-hours = hours
column-dates = dates
column-name = name
column-class-name = class
column-student-no = student no.
column-id-number = ID number
column-phone = mobile
column-attended = attended
column-confirmed = learner
column-date = date
column-class-hours = hours
column-came = came
column-teacher = teacher
column-topic = topic
learner-classes = Classes
learner-no-classes = in no class so far
class-roster = roster { $count }
class-meetings = meetings { $count }
class-nobody = Nobody yet: F6 takes learners from the register.
class-no-meetings = No meetings yet: F6 adds one, then F8 marks who came.
class-kept = kept
class-confirmed = confirmed
class-unconfirmed = unasked
class-unmarked = unmarked
marking-title = Attendance  { $class }  { $day }  { $hours } hours
marking-new = nothing recorded yet, everybody is there
marking-recorded = recorded by { $who }
marking-differs = differ
marking-both = two markers differ: { $all }, Enter to choose
marking-was = recorded { $mark } ({ $who } { $at } { $source })
marking-jump = type a name or number to jump
marking-typed = finding { $text }
marking-total = of { $count }
marking-unsaved = { $count } unsaved
mark-present = present
mark-absent = absent
mark-leave = leave
mark-late = late
mark-early = early
pair-title = Are these one person? Choose the one to keep
pair-kept = keep
pair-other = merge into it
pair-effect = Classes, attendance and history go to the one that is kept; the other leaves the lists. F2 merges; it can be undone.
cmd-part = switch
cmd-area = roster/meetings
cmd-enrol = enrol
cmd-pair = merge two
cmd-sheet = attendance
cmd-save-sheet = save sheet
cmd-cycle = next mark
cmd-differs = choose
cmd-left = column left
cmd-right = column right
cmd-unjump = delete one
cmd-merge = merge
cmd-turn-pair = keep the other
cmd-reveal = show/mask personal data
notice-reveal = Show personal data whole? It is written down who looked and when. F8 again shows it
effect-enrol = They will stand on the roster; those who are on it already are not doubled.
effect-class-confirm = The learner chose this certificate themselves.
effect-class-remove = Off the roster; attendance recorded so far is kept.
effect-class-close = Nobody can be enrolled and no meeting added afterwards; whoever attended enough has completed it.
effect-class-cancel = The class does not take place; roster and attendance are kept.
notice-no-meeting = No meetings yet: F6 adds one

directory-heading = Directory · type hanzi or pinyin to find
directory-none = No organisation found.
directory-none-why = Try another word; the project office enters new organisations.
find-how = hanzi, pinyin, initials
page-contacts = Contacts
page-no-contacts = No contacts yet
page-confirmed = confirmed { $day }
page-devices = Devices and people
page-no-devices = No devices yet

form-confirm = F2 confirms, Esc does not
form-returned = Reason: { $reason }
form-conflict = has two values; saving chooses
form-required = required
form-optional = optional
form-help-text = Type it; a rare character can be entered as U+2B74E and F4
form-help-ready = Type it, or F4 for ready-made reasons
form-help-date = such as 2026-04-30
form-help-int = A whole number, such as 90
form-help-money = yuan, such as 18000.00
form-help-one = F4 or Space shows the choices
form-help-several = F4 shows the choices, Enter ticks, several are possible
form-help-record = Type hanzi or pinyin to search, or press F4
picker-none = Nothing found, try another word
effect-submit = The project office and the evaluator will see it as it is now; until the review you can withdraw it or submit again.
effect-submit-change = This line is filed. Submitting asks for a change; the filing stays in force until the project office agrees.
effect-withdraw = The project office stops the review; the draft stays and can be submitted again.
effect-withdraw-filed = This line is filed. This only asks for its withdrawal; the project office must agree.
effect-file-first = You are the first to sign. It is filed once another person signs on another device; one of the two must be lead.
effect-file-second = The first person has signed. With your signature it is filed at once and gets its number.
effect-return = The college will see the reason and can submit again.
effect-reject = Not filed: the college will see the reason. This cannot simply be undone.
effect-grant = Agrees to the withdrawal that the college asks for.
effect-cancel = Cancels the line, whatever its version. This cannot simply be undone.
effect-contact-confirm = Confirms that this person is still in office and can be reached.
effect-confirm = Compare by phone: press F2 only if the other screen shows exactly these digits.
effect-invite = Writes an invitation file. The other side joins with it, then both compare digits.
effect-settle = This field has two values. Set the right one and save: that chooses it.
reason-teachers = Please add the number of teachers trained
reason-numbers = The planned number does not fit the number of students, please check
reason-budget = Please add the budget

welcome-keys = Four keys are enough:
welcome-key-move =   ↑ ↓    move
welcome-key-enter =   Enter  open / do / next field
welcome-key-esc =   Esc    back, nothing is lost
welcome-key-help =   F1     help for this place
welcome-check = Display check: these two lines should be equally long
welcome-check-how = If not, F9 changes the borders. F3 中文. Enter goes on.
welcome-who = Who are you?
welcome-college = Pilot college   applies, keeps contacts; joins by an invitation of the project office
welcome-evaluator = Evaluator       enters certificates and standards; joins by an invitation
welcome-hub = Provincial hub  enters organisations, reviews; founded once in the province
welcome-join-how = You need an invitation file from the project office. Enter asks where it is and your name; then compare digits.
welcome-join-command = Or by command: onex join FILE
welcome-hub-how = Enter asks for name and region code; this device becomes the provincial hub.
welcome-hub-command = Or by command: onex init --role hub --name NAME --region 610000
welcome-waiting = Waiting, please keep this open…
welcome-digits = Compare these digits with whoever invited you:
welcome-digits-how = They see the same digits on their Sync page. If they are equal, they confirm with F2.

settings-language = Language
settings-glyphs = Borders
settings-glyphs-unicode = standard
settings-glyphs-safe = compatible (ASCII)
settings-colours = Colours
settings-colour = standard
settings-colour-blind = colour-blind
settings-mono = mono

failure-store = the data on this computer cannot be read or written, check the disk
failure-no-node = there is no data in this folder
failure-not-joined = this device has not been let in yet
failure-folder = the data folder cannot be used, check its permissions
failure-file = the invitation file cannot be read, check its path
failure-unknown = no such record, or more than one
failure-membership = the membership log does not allow it
failure-invitation = the invitation is not valid or has expired, ask for a new one
failure-digits = no device asks with these digits
failure-unreachable = the other side cannot be reached, check the network
failure-not-confirmed = the other side has not confirmed yet; try later with the same invitation
failure-not-let-in = the other side did not agree
failure-network = no network at the moment; your changes are here
failure-no-peer = no other device's address is known yet
failure-not-listening = this node has never listened: run onex serve first, then invite

crash-what = The program failed and has stopped. What you saved is on this computer; start it again to go on.
crash-log = Details are in: { $path }
