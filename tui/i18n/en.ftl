# The texts of the interface. Each has its namesake in zh.ftl, with the same arguments.

key-space = Space
key-backspace = Backspace

window-small = At least { $width_min }×{ $height_min }, now { $width }×{ $height }.
window-enlarge = Please enlarge the window, or Ctrl+- for a smaller font
window-calm = Your work is safe

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

crash-what = The program failed and has stopped. What you saved and your drafts are on this computer; start it again to go on.
crash-log = Details are in: { $path }
