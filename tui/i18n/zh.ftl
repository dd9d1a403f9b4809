# 界面文字。每一条在 en.ftl 里都有同名的一条，参数相同。

key-space = 空格
key-backspace = 退格

window-small = 至少 { $width_min }×{ $height_min }，现在是 { $width }×{ $height }。
window-enlarge = 请拉大窗口，或 Ctrl+- 缩小字体
window-calm = 工作不会丢失

rail-jump = 快速跳转
rail-jump-keys = F10 或 Ctrl+K
rail-find = 输入汉字
rail-find-how = 即可查找

table-position = 第 { $row } 行 / { $total }
table-ticked = 已勾选 { $count } 条

form-missing = 还差 { $count } 项就能提交
form-complete = ✓ 都填好了，可以提交
form-unfilled = （未填写）
form-position = 第 { $field } / { $total } 项

palette-title = 想做什么？
palette-foot = 汉字、全拼、首字母(cj) 都可以查 · { $count } 条
palette-none = 没有这样的功能，换个说法试试

help-title = 帮助 · { $place }
help-here = 在“{ $place }”页可以做
help-anywhere = 任何页面都可以
help-marks = 符号
help-marks-good = 通过/完成
help-marks-attention = 要注意
help-marks-due = 今天截止
help-marks-problem = 未通过/有误
help-marks-working = 进行中
help-marks-absent = 没有/离线
help-marks-syncing = 正在同步
help-ime = 中文输入法打开时，字母键会先进输入法：请用 F 键、数字键，或直接打汉字查找。
help-close = Esc 关闭

crash-what = 程序出了错，已经停下。已保存的内容和草稿都在本机，重新打开就能接着做。
crash-log = 详细记录在：{ $path }
