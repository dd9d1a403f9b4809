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

refusal-what = 没有完成“{ $action }”
refusal-at-field = { $field }：{ $why }
refusal-line = { $what }：{ $why }。{ $next }

why-no-right = 你在这台设备上没有做这件事的角色
next-no-right = 请本机构管理员授予相应角色，或请有这个角色的人来做
why-unknown-record = 这里没有这条记录，或不在你可见的范围内
next-unknown-record = 先按 Ctrl+R 同步，再重新选择
why-unknown-parameter = 这个操作没有这一项
next-unknown-parameter = 核对名称，去掉这一项再试
why-state = 现在的状态是“{ $state }”；能这样做的状态：{ $from }
next-state = 先看它的经过，再决定下一步
why-in-conflict = 有两个不同的值，还没有选定
next-in-conflict = 到“同步”页看两个值，改成正确的一个并保存
why-more-than = 不能超过{ $limit } { $most }
next-more-than = 改小这个数，或核对{ $limit }
why-duplicate = 已经有一条相同的
next-duplicate = 打开已有的那一条来修改
why-not-listed = 这个证书等级还没有列入省级目录
next-not-listed = 换一个已列入的等级，或请省项目办列入目录
why-no-standard = 这个证书等级还没有已发布的标准
next-no-standard = 请培训评价组织先发布标准
why-already-listed = 这个证书等级已经在目录里
next-already-listed = 不用再列入，查看目录即可
why-no-open-call = 现在没有正在受理的申报通知
next-no-open-call = 等省项目办发布通知；草稿可以先留着
why-no-agreement = 院校与培训评价组织还没有生效的协议
next-no-agreement = 请双方先提出并确认协议
why-other-version = 所指的版本不是现在的版本
next-other-version = 重新打开，看过最新版本后再确认
why-already-decided = 这个版本已经有同样的决定
next-already-decided = 不用再做一次
why-same-person = 会签要由另一个人在另一台设备上做
next-same-person = 请另一位同事在他的设备上会签
why-needs-role = 两人之中要有一位是{ $role }
next-needs-role = 请{ $role }来会签
why-has-node = 这个评价组织有自己的设备，由它自己登记
next-has-node = 请评价组织在自己的设备上登记
why-wrong-organisation = 所选机构的类别不对
next-wrong-organisation = 另选一个类别相符的机构
why-own-proposal = 自己提出的协议要由对方确认
next-own-proposal = 请对方在自己的设备上确认
why-weights = 各部分的权重与满分合起来不是 100
next-weights = 调整权重或满分，使合计为 100
why-no-pass-rule = 合格条件一条也没有填
next-no-pass-rule = 至少填写一项合格分数
why-ends-before-start = 结束日期早于开始日期
next-ends-before-start = 改正两个日期
why-nothing-changed = 内容与上次提交的完全一样
next-nothing-changed = 不用再提交；需要变更时先修改再提交

why-missing = 必填，还没有填写
next-missing = 填写后再试
why-length = 要 { $min } 到 { $max } 个字，现在是 { $found } 个
next-length = 增减字数后再试
why-characters = 有这一项不允许的字符
next-characters = 删去多余的字符，姓名只写姓名
why-whole-number = 要填整数
next-whole-number = 只写数字，例如 90
why-number = 要填数字，最多 { $decimals } 位小数
next-number = 只写数字，例如 300.00
why-range = 要在 { $min } 到 { $max } 之间
next-range = 核对后改正
why-date = 没有这一天，或日期不合适
next-date = 按 2026-04-30 这样填写
why-check-digit = 校验位应为 { $expected }
next-check-digit = 对照证件逐位核对
why-form = 格式不对，应为 { $form }
next-form = 按这个格式重新填写
why-unknown-choice = 不在可选的值里：{ $choices }
next-unknown-choice = 按 F4 从列表里选
why-unknown-code = 这个代码不在标准里
next-unknown-code = 对照代码表核对
why-excluded = 技工学校不在试点范围内
next-excluded = 另选一个院校类型

crash-what = 程序出了错，已经停下。已保存的内容和草稿都在本机，重新打开就能接着做。
crash-log = 详细记录在：{ $path }
