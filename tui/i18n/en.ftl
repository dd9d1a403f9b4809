# The texts of the interface. Each has its namesake in zh.ftl, with the same arguments.

key-space = Space
key-backspace = Backspace

window-small = At least { $width_min }×{ $height_min }, now { $width }×{ $height }.
window-enlarge = Please enlarge the window, or Ctrl+- for a smaller font
window-calm = Your work is safe

command-not-done = Not done
command-no-interface = This build has no interface yet; the node is in { $home }, see the commands of onex --help
command-unknown-action = there is no action "{ $given }"; onex do --list names them all
command-unknown-kind = there is no kind of record "{ $given }"
command-unknown-field = there is no field "{ $given }"
command-unknown-parameter = the action has no parameter "{ $given }"; onex do --list names those of each action
command-no-pair = "{ $given }" is not of the form NAME=VALUE
command-twice = "{ $given }" is given twice
command-no-condition = the condition "{ $given }" is not of the form F=V, F>=V or F<=V
command-bad-condition = the condition "{ $given }" cannot hold: { $why }
command-no-csv = "{ $given }" cannot be written as CSV
command-total = { $count } in all
command-shown = { $count } in all, { $shown } shown
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
next-unknown-record = Sync with Ctrl+R and choose again
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
why-has-node = this evaluator has a device and enters this itself
next-has-node = Ask the evaluator to enter it
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
why-nothing-changed = it is just what was submitted last
next-nothing-changed = Nothing to submit; change it first if it must change

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
next-unknown-choice = Press F4 and choose
why-unknown-code = the standard does not list this code
next-unknown-code = Check it against the code table
why-excluded = technical schools do not take part in the pilot
next-excluded = Choose another college type

crash-what = The program failed and has stopped. What you saved and your drafts are on this computer; start it again to go on.
crash-log = Details are in: { $path }
