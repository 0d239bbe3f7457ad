// Makes corpus.json: terminal output, and the screen that xterm.js shows after it. See README.md; run by hand, its result is committed.
//
// A case is a name, a size, and steps: a string is output, a pair is a resize to [columns, lines].
import { readFileSync, writeFileSync } from "node:fs";
import headless from "@xterm/headless";
import unicode from "@xterm/addon-unicode11";

const ESC = "\x1b", CSI = "\x1b[", ST = "\x1b\\";
const count = (n) => Array.from({ length: n }, (_, at) => `line ${at + 1}`).join("\r\n");
const letters = (n) => Array.from({ length: n }, (_, at) => String.fromCharCode(65 + (at % 26)).repeat(5)).join("\r\n");
const full = `${CSI}2J${CSI}H` + ["11111", "22222", "33333", "44444", "55555", "66666"].join("\r\n");

const cases = {
  text: [[20, 4], "one\r\ntwo\tthree\r\n  four\bX"],
  controls: [[20, 4], "a\x00b\x01c\x05d\x06e\x07f\x7fg\x0eh\x0fi\x0bj\x0ck\x11l\x19m"],
  wrap: [[10, 4], "0123456789ab\r\n0123456789\r\nx"],
  "wrap waits at the edge": [[10, 4], `0123456789${CSI}1mX${CSI}10GY\b\bZ`],
  "wrap waits, then erase": [[10, 4], `0123456789${CSI}Kx`],
  "wrap waits, then line feed": [[10, 4], `0123456789\n\ry`],
  "wrap waits, then save and restore": [[10, 4], `0123456789${ESC}7${CSI}1;1Hx${ESC}8Y`],
  "wrap off": [[10, 4], `${CSI}?7l0123456789abcdef${CSI}?7hXY`],
  "wrap at the bottom scrolls": [[10, 3], `${CSI}3;1H0123456789abc`],
  "back over a wrapped edge": [[10, 3], `0123456789a\b\b\bX`],

  "cursor moves": [[20, 6], `${CSI}3;5Ha${CSI}Ab${CSI}2Bc${CSI}3Dd${CSI}4Ce${CSI}Ef${CSI}2Fg${CSI}8Gh${CSI}5di`],
  "cursor moves, clamped": [[10, 4], `${CSI}99;99Ha${CSI}99Ab${CSI}99Dc${CSI}99Bd${CSI}99Ce${CSI}0;0Hf${CSI}0Ag`],
  "cursor moves, HVP HPA HPR VPA VPR": [[20, 6], `${CSI}2;3fa${CSI}7\`b${CSI}2ac${CSI}4dd${CSI}1ee`],
  "cursor saved and restored": [[20, 4], `${CSI}2;4H${CSI}31m${ESC}7${CSI}4;1H${CSI}0mx${ESC}8y${CSI}s${CSI}1;1Hz${CSI}uw`],
  "cursor restored without a save": [[20, 4], `${CSI}3;3Hab${ESC}8c`],
  "cursor hidden": [[20, 4], `ab${CSI}?25l`],
  "cursor hidden and shown": [[20, 4], `ab${CSI}?25l${CSI}?25hc`],
  "next line and index": [[10, 4], `abc${ESC}Dd${ESC}Ee${CSI}4;3H${ESC}Df${ESC}Mg`],
  "reverse index at the top": [[10, 4], `a\r\nb\r\nc${CSI}H${ESC}M${ESC}Mx`],
  "new line mode": [[10, 4], `${CSI}20hab\ncd${CSI}20l\nef`],

  REP: [[20, 3], `-${CSI}5b|`],
  "REP of nothing": [[20, 3], `${CSI}5bx`],
  "REP after a control": [[20, 3], `ab\r${CSI}3bz`],
  "REP after a colour": [[20, 3], `a${CSI}31m${CSI}3bz`],
  "REP with no number, with zero": [[20, 3], `x${CSI}b|y${CSI}0b|`],
  "REP over the edge": [[10, 3], `=${CSI}14b!`],
  "REP of a wide character": [[20, 3], `漢${CSI}3b!`],
  "REP of a drawn line": [[20, 3], `${ESC}(0q${CSI}5b${ESC}(B|`],
  "REP twice": [[20, 3], `a${CSI}2b${CSI}2b|`],
  CBT: [[40, 3], `a\tb${CSI}ZX`],
  "CBT over several": [[40, 3], `a\tb\tc${CSI}2ZX`],
  "CBT at the start": [[40, 3], `abc${CSI}9ZX`],
  CHT: [[40, 3], `a${CSI}2IX`],
  "CHT at the edge": [[20, 3], `a${CSI}9IX`],
  "tab stops": [[40, 4], `${CSI}3g${CSI}5G${ESC}H${CSI}12G${ESC}H\ra\tb\tc\td${CSI}5G${CSI}0g\re\tf`],
  "tab at the edge": [[10, 3], "a\t\t\t\tb"],
  "tab keeps what is there": [[20, 3], "0123456789\r\ta"],
  "tab beyond a resize": [[10, 3], [40, 3], "a\tb\tc\td"],

  "erase below": [[10, 4], `${letters(4)}${CSI}2;3H${CSI}J`],
  "erase above": [[10, 4], `${letters(4)}${CSI}3;3H${CSI}1J`],
  "erase all": [[10, 4], `${letters(4)}${CSI}2;3H${CSI}2Jx`],
  "erase what has scrolled off": [[10, 4], `${letters(9)}${CSI}3Jx`],
  "erase all and what has scrolled off": [[10, 4], `${letters(9)}${CSI}H${CSI}2J${CSI}3Jx`],
  "erase in the line": [[10, 4], `${letters(4)}${CSI}1;3H${CSI}K${CSI}2;3H${CSI}1K${CSI}3;3H${CSI}2K`],
  "erase with a background": [[10, 4], `abc${CSI}44m${CSI}K\r\n${CSI}J${CSI}0mx`],
  "erase characters": [[10, 3], `abcdefgh${CSI}3G${CSI}2X${CSI}9G${CSI}99X`],
  "erase unknown": [[10, 3], `abc${CSI}9J${CSI}9Kd`],
  "erase half a wide character": [[10, 3], `漢字${CSI}2GX`],
  "erase the second half": [[10, 3], `漢字${CSI}1GX`],
  "selective erase": [[10, 3], `ab${CSI}1"qcd${CSI}0"qef${CSI}?2K`],
  "insert and delete characters": [[10, 3], `abcdefgh${CSI}3G${CSI}2@\r\nabcdefgh${CSI}3G${CSI}2P\r\nabc${CSI}1G${CSI}99P`],
  "insert characters, over a wide one": [[10, 3], `ab漢字cd${CSI}4G${CSI}@`],
  "delete characters, a wide one": [[10, 3], `ab漢字cd${CSI}4G${CSI}P`],
  "insert and delete lines": [[10, 6], `${full}${CSI}2;3H${CSI}2L${CSI}5;1H${CSI}M`],
  "insert mode": [[10, 3], `abcdef${CSI}3G${CSI}4hXY${CSI}4lZ`],
  "insert mode, wide": [[10, 3], `abcdef${CSI}3G${CSI}4h漢${CSI}4l`],
  "scroll up and down": [[10, 6], `${full}${CSI}2S${CSI}Tx`],
  alignment: [[6, 3], `ab${ESC}#8`],
  "alignment resets margins": [[6, 4], `${CSI}2;3r${ESC}#8${CSI}4;1H\nx`],

  "margins: line feeds": [[10, 6], `${full}${CSI}2;4r${CSI}4;1Hx\ny\nz`],
  "margins: below them": [[10, 6], `${full}${CSI}2;4r${CSI}6;1Hx\ny`],
  "margins: reverse index": [[10, 6], `${full}${CSI}2;4r${CSI}2;1H${ESC}Mx`],
  "margins: insert and delete lines": [[10, 6], `${full}${CSI}2;5r${CSI}3;1H${CSI}L${CSI}6;1H${CSI}L${CSI}2;1H${CSI}M`],
  "margins: scroll": [[10, 6], `${full}${CSI}2;5r${CSI}2S${CSI}T`],
  "margins: home": [[10, 6], `${full}${CSI}3;3H${CSI}2;5rx`],
  "margins: not lines": [[10, 6], `${full}${CSI}5;2r${CSI}6;1H\nx${CSI}3;3rz`],
  "margins: cursor moves": [[10, 6], `${full}${CSI}3;4r${CSI}4;1H${CSI}9Ax${CSI}9By${CSI}1;1H${CSI}9Bz`],
  "margins: taken away": [[10, 6], `${full}${CSI}2;4r${CSI}r${CSI}6;1H\nx`],
  "margins: scrolled off from the top": [[10, 4], `${CSI}1;2rone\r\ntwo\r\nthree\r\nfour`],
  "origin mode": [[10, 6], `${full}${CSI}2;5r${CSI}?6hx${CSI}2;2Hy${CSI}99;1Hz${CSI}?6lw`],
  "origin mode, saved": [[10, 6], `${full}${CSI}2;5r${CSI}?6h${CSI}2;2H${ESC}7${CSI}?6l${CSI}1;1Hx${ESC}8y`],
  "origin mode, VPA": [[10, 6], `${full}${CSI}2;5r${CSI}?6h${CSI}2dy${CSI}3ez`],

  "line drawing": [[20, 4], `${ESC}(0lqqk\r\nx  x\r\nmqqj${ESC}(B lqk`],
  "line drawing, all of it": [[40, 3], `${ESC}(0_\`abcdefghijklmnopqrstuvwxyz{|}~${ESC}(B`],
  "line drawing by SO": [[20, 3], `${ESC})0a\x0eqqq\x0fqqq`],
  "line drawing is saved": [[20, 3], `${ESC}(0${ESC}7${ESC}(Bq${ESC}8q`],
  "line drawing and an unknown set": [[20, 3], `${ESC}(0q${ESC}(%q${ESC}(Bq`],
  "british set": [[20, 3], `${ESC}(A#${ESC}(B#`],
  "other sets are swallowed": [[20, 3], `a${ESC}*0b${ESC}+0c${ESC}-Ad${ESC}.Ae${ESC}/Af${ESC}%Gg${ESC} Fh${ESC}#3i`],

  colours: [[40, 4], `${CSI}31mred${CSI}42mon green${CSI}91;104mbright${CSI}0mplain${CSI}39;49mx`],
  "256 colours": [[40, 3], `${CSI}38;5;208ma${CSI}48;5;17mb${CSI}38;5;9;48;5;255mc${CSI}mx`],
  "true colours": [[40, 3], `${CSI}38;2;1;2;3ma${CSI}48;2;254;253;252mb${CSI}mx`],
  "colours with colons": [[40, 3], `${CSI}38:5:208ma${CSI}38:2::10:20:30mb${CSI}48:2:1:2:3mc${CSI}mx`],
  "colours that are cut short": [[40, 3], `${CSI}38;5ma${CSI}38;2;1mb${CSI}0;38mc${CSI}m${CSI}38;5;300md`],
  styles: [[40, 3], `${CSI}1ma${CSI}2mb${CSI}3mc${CSI}4md${CSI}5me${CSI}7mf${CSI}8mg${CSI}9mh${CSI}0mi`],
  "styles off": [[40, 3], `${CSI}1;2;3;4;5;7;8;9ma${CSI}22mb${CSI}23mc${CSI}24md${CSI}25me${CSI}27mf${CSI}28mg${CSI}29mh`],
  "styles, underlines": [[40, 3], `${CSI}4:3ma${CSI}4:0mb${CSI}21mc${CSI}24md${CSI}4:1me`],
  "styles, many at once": [[40, 3], `${CSI}0;1;4;31;48;5;3mx${CSI};ma${CSI}1;;4mb`],
  "styles, unknown": [[40, 3], `${CSI}31;999;4ma${CSI}>4;2mb${CSI}?4mc${CSI}0md`],
  "styles scroll in": [[10, 3], `${CSI}44ma\r\nb\r\nc\r\nd\r\n${CSI}0me`],
  "styles with wrap": [[6, 3], `${CSI}41mabcdefgh${CSI}0m`],
  "styles of inserted cells": [[10, 3], `abcdef${CSI}3G${CSI}45m${CSI}2@${CSI}2P${CSI}L${CSI}0m`],
  reverse: [[10, 3], `a${CSI}?5hb`],

  "alternate screen": [[20, 4], `$ vi\r\n${CSI}?1049h${CSI}2J${CSI}Hfull screen${CSI}?1049l$ done`],
  "alternate screen, still there": [[20, 4], `$ vi\r\n${CSI}?1049hfull screen`],
  "alternate screen, 47": [[20, 4], `one\r\n${CSI}?47htwo${CSI}?47lthree`],
  "alternate screen, 1047": [[20, 4], `one\r\n${CSI}?1047htwo${CSI}?1047lthree`],
  "alternate screen, twice": [[20, 4], `one${CSI}?1049htwo${CSI}?1049hthree${CSI}?1049lfour${CSI}?1049lfive`],
  "alternate screen, cursor and colour": [[20, 4], `${CSI}2;3H${CSI}31m${CSI}?1049h${CSI}0m${CSI}4;4Hx${CSI}?1049ly`],
  "alternate screen keeps nothing that scrolls": [[20, 4], `main${CSI}?1049h${count(9)}${CSI}?1049l`],
  "alternate screen keeps what main has scrolled": [[20, 4], `${count(9)}${CSI}?1049h${count(9)}${CSI}?1049l\r\nend`],
  1048: [[20, 4], `ab${CSI}?1048h${CSI}4;4Hc${CSI}?1048ld`],
  "full reset": [[20, 4], `${CSI}31m${CSI}2;3r${CSI}?6h${ESC}(0${CSI}?1049hxx${ESC}cqa`],
  "soft reset": [[20, 4], `${CSI}31m${CSI}2;3r${CSI}?6h${CSI}4h${CSI}?25lab${CSI}!pcd${CSI}1;1He`],

  scrollback: [[20, 4], count(12)],
  "resize, wider": [[10, 4], "0123456789abcdef\r\nx", [20, 4], "y"],
  "resize, narrower": [[20, 4], "0123456789abcdef\r\nx", [10, 4], "y"],
  "resize, narrower and back": [[20, 6], "0123456789abcdef\r\nshort\r\n$ ", [7, 6], [20, 6], "x"],
  "resize, narrower than what is kept": [[20, 3], "0123456789abcdef\r\nABCDEFGHIJKLMN\r\n$ ", [6, 3], [20, 3], "x"],
  "resize, lower": [[20, 6], count(6), [20, 3], "!"],
  "resize, lower with room below": [[20, 6], count(2), [20, 3], "!"],
  "resize, higher": [[20, 3], count(8), [20, 6], "!"],
  "resize, higher without a past": [[20, 3], count(2), [20, 6], "!"],
  "resize, lower and higher": [[20, 6], count(6), [20, 2], [20, 6], "!"],
  "resize, lower, output, higher": [[20, 6], count(6), [20, 3], "\r\nmore\r\nand more", [20, 8], "!"],
  "resize, cursor in the middle": [[20, 6], `${count(6)}${CSI}3;3H`, [20, 4], "X"],
  "resize, cursor at the top": [[20, 6], `${count(6)}${CSI}1;3H`, [20, 3], "X"],
  "resize in the alternate screen": [[20, 5], `${count(5)}${CSI}?1049h${CSI}H${letters(5)}`, [10, 3], "X"],
  "resize in the alternate screen, and back": [[20, 5], `${count(5)}${CSI}?1049h${CSI}H${letters(5)}`, [20, 3], `${CSI}?1049lX`],
  "resize in the alternate screen, higher, and back": [[20, 3], `${count(6)}${CSI}?1049h${CSI}H${letters(3)}`, [20, 6], `${CSI}?1049lX`],
  "resize in the alternate screen, narrower, and back": [[20, 4], `0123456789abcdef\r\n$ vi${CSI}?1049h${CSI}Hfull`, [8, 4], `${CSI}?1049lX`],
  "resize in the alternate screen, there and back": [[20, 4], `0123456789abcdef\r\n$ vi${CSI}?1049h${CSI}Hfull`, [8, 4], [20, 4], `${CSI}?1049lX`],
  "resize with margins": [[20, 6], `${full}${CSI}2;4r`, [20, 5], `${CSI}5;1H\nx`],
  "resize with colours": [[20, 4], `${CSI}41m0123456789abcdef${CSI}0m\r\n$ `, [10, 4], "x"],
  "resize with wide characters": [[10, 4], "a漢字漢字漢字漢字b", [7, 4], "x"],
  "resize while wrap waits": [[10, 4], "0123456789", [12, 4], "x"],
  "resize, trailing blanks": [[20, 4], `ab${CSI}15Gc\r\n$ `, [10, 4], "x"],
  "resize to one cell and back": [[20, 4], "hello\r\nworld", [20, 1], [20, 4], "!"],

  thai: [[30, 3], "สวัสดีที่นี่|ก็|ปู่|น้ำ|"],
  lao: [[30, 3], "ສະບາຍດີ|ຂໍ້|ຜູ້|ນ້ຳ|"],
  khmer: [[30, 3], "សួស្តី|ភាសាខ្មែរ|"],
  burmese: [[30, 3], "မြန်မာဘာသာ|မင်္ဂလာပါ|"],
  tamil: [[30, 3], "தமிழ் மொழி|வணக்கம்|"],
  hindi: [[30, 3], "हिन्दी|नमस्ते|क्षि|"],
  bengali: [[30, 3], "বাংলা|নমস্কার|কি|"],
  telugu: [[30, 3], "తెలుగు|నమస్కారం|"],
  kannada: [[30, 3], "ಕನ್ನಡ|ನಮಸ್ಕಾರ|"],
  malayalam: [[30, 3], "മലയാളം|നമസ്കാരം|"],
  gujarati: [[30, 3], "ગુજરાતી|નમસ્તે|"],
  punjabi: [[30, 3], "ਪੰਜਾਬੀ|ਸਤਿ|"],
  sinhala: [[30, 3], "සිංහල|ආයුබෝවන්|"],
  tibetan: [[30, 3], "བོད་སྐད།|བཀྲ་ཤིས།|"],
  hebrew: [[30, 3], "שָׁלוֹם|"],
  arabic: [[30, 3], "السَّلَامُ|عليكم|"],
  vietnamese: [[30, 3], "Tiếng Việt|Tiê\u0301ng Viê\u0323t|"],
  "thai fills the line": [[6, 3], "สวัสดีที่นี่นี่"],
  "thai in a table": [[30, 4], `ชื่อ${CSI}12G|ที่อยู่${CSI}24G|\r\nname${CSI}12G|street${CSI}24G|`],
  "thai, overwritten": [[20, 3], `ที่นี่${CSI}2GX`],
  combining: [[20, 3], "e\u0301a\u0308\u0323o\u0302\u0301x|"],
  "combining at the start of a line": [[20, 3], "\u0301x\r\n\u0301y"],
  "combining after a move": [[20, 3], `ab${CSI}1;2H\u0301c`],
  "combining after a colour": [[20, 3], `e${CSI}31m\u0301x`],
  "combining at the edge": [[5, 3], "abcde\u0301f"],
  "combining on a wide character": [[20, 3], "漢\u0301字|が|か\u3099|"],
  "combining in pieces": [[20, 3], "e", "\u0301", "x|ท", "ี", "่|"],
  "combining, deleted and inserted": [[20, 3], `e\u0301a\u0301o\u0301${CSI}2G${CSI}P${CSI}1G${CSI}@`],
  "combining, scrolled": [[20, 3], "e\u0301\r\nการ\r\nที่\r\nx"],
  "combining, resized": [[10, 3], "ที่นี่ที่นี่ที่นี่ที่นี่ที่นี่ที่", [6, 4], "x"],
  wide: [[20, 3], "漢字|かな|한국어|ｆｕｌｌ|"],
  "wide at the edge": [[5, 3], "abcd漢e"],
  "wide at the edge, wrap off": [[5, 3], `${CSI}?7labcd漢e`],
  "wide, two columns": [[2, 3], "漢a"],
  "half width kana": [[20, 3], "ｱｲｳ|ﾊﾟ|"],
  "hangul in parts": [[20, 3], "\u1112\u1161\u11ab|"],
  "zero width": [[20, 3], "a\u200bb\u200cc\u200dd\ufeffe|"],
  "soft hyphen and blanks": [[20, 3], "a\u00adb\u00a0c\u2003d|"],
  ambiguous: [[20, 3], "α│─█…→★°±|"],
  private: [[20, 3], "\ue0b0\uf015\u{f0001}|"],
  "emoji of one": [[20, 3], "😀|🚀|✅|"],
  "beyond the first plane": [[20, 3], "𝐀𠀀𐍈|"],

  osc: [[20, 3], `a${ESC}]0;title\x07b${ESC}]2;title${ST}c${ESC}]52;c;QUJD\x07d`],
  "osc links": [[20, 3], `a${ESC}]8;;https://a.example${ST}link${ESC}]8;;${ST}b`],
  "osc colours": [[20, 3], `${ESC}]4;1;rgb:00/ff/00${ST}${CSI}31ma${ESC}]104${ST}${ESC}]10;?${ST}b`],
  "osc marks": [[20, 3], `${ESC}]133;A\x07$ ${ESC}]133;B\x07ls\r\n${ESC}]133;C\x07out${ESC}]133;D;0\x07`],
  "osc cut by another": [[20, 3], `a${ESC}]0;tit${ESC}]0;le\x07b`],
  "osc cut by CAN": [[20, 3], `a${ESC}]0;tit\x18b${ESC}]0;le\x1ac`],
  "osc without end": [[20, 3], `a${ESC}]0;${"x".repeat(500)}`],
  "osc of several bytes a character": [[20, 3], `a${ESC}]0;漢字タイトル\x07b`],
  dcs: [[20, 3], `a${ESC}P1$r0m${ST}b${ESC}P+q544e${ST}c`],
  "dcs, what looks like output": [[20, 3], `a${ESC}Pxhello\r\nworld\x07still${ST}b`],
  "dcs cut by CAN": [[20, 3], `a${ESC}Pxhello\x18b`],
  sixel: [[20, 3], `a${ESC}P0;0;0q"1;1;8;8#0;2;0;0;0#1;2;100;0;0#1~~@@vv@@~~$-${ST}b`],
  "sos, pm, apc": [[20, 3], `a${ESC}Xsos${ST}b${ESC}^pm${ST}c${ESC}_apc${ST}d`],
  "kitty picture": [[20, 3], `a${ESC}_Gf=24,s=1,v=1,a=T;AAAA${ST}b`],
  "bracketed paste and mice": [[20, 3], `${CSI}?2004h${CSI}?1000h${CSI}?1002h${CSI}?1003h${CSI}?1006h${CSI}?1004ha${CSI}?2004l${CSI}?1000lb`],
  "modes of keys": [[20, 3], `${CSI}?1h${ESC}=a${CSI}>1u${CSI}<u${CSI}?1l${ESC}>b${CSI}>4;1mc`],
  questions: [[20, 3], `a${CSI}6n${CSI}c${CSI}>c${CSI}5n${CSI}?6n${CSI}18t${CSI}x${ESC}Zb\x05c`],
  "title stack and windows": [[20, 3], `a${CSI}22;0t${CSI}23;0t${CSI}8;5;5tb${CSI}3 qc`],
  "synchronised output": [[20, 3], `${CSI}?2026ha${CSI}?2026lb`],
  "132 columns": [[20, 3], `ab${CSI}?3hcd`],
  "left and right margins": [[20, 4], `${CSI}?69h${CSI}5;10sabc`],
  "8-bit controls": [[20, 3], "a\x9b31mb\x9b0m\x85c\x84d\x8de"],
  "8-bit strings": [[20, 3], "a\x9d0;title\x9cb\x90xdcs\x9cc"],
  "controls within a sequence": [[20, 3], `a${CSI}3\r1mb${CSI}3\n1mc`],
  "sequence cut by CAN": [[20, 3], `a${CSI}31\x18mb${CSI}3\x1amc`],
  "sequence cut by another": [[20, 3], `a${CSI}3${CSI}31mb${CSI}${ESC}7c`],
  "sequence with blanks": [[20, 3], `a${CSI}2 @b${CSI}1;2$rc${CSI}3'wd`],
  "sequence, unknown": [[20, 3], `a${CSI}5yb${CSI}?5zc${CSI}=5vd${ESC}qe${ESC}|f`],
  "sequence with many numbers": [[20, 3], `${CSI}${"1;".repeat(60)}31ma${CSI}0mb`],
  "sequence with a large number": [[20, 4], `a${CSI}99999999999Bb${CSI}4294967297Ac`],
  "sequence, empty numbers": [[20, 4], `${CSI};5Ha${CSI}3;Hb`],
  "delete in a sequence": [[20, 3], `a${CSI}3\x7f1mb`],
  "cut characters": [[20, 3], new Uint8Array([0x61, 0xe6, 0xbc, 0x62, 0xff, 0x63, 0xc3])],
  "a character in two pieces": [[20, 3], new Uint8Array([0x61, 0xe6, 0xbc]), new Uint8Array([0xa2, 0x62])],
  "too long and surrogates": [[20, 3], new Uint8Array([0x61, 0xc0, 0x80, 0x62, 0xed, 0xa0, 0x80, 0x63])],

  less: [[20, 5], `$ less x\r\n${CSI}?1049h${CSI}22;0;0t${CSI}?1h${ESC}=\r${count(4)}\r\n${CSI}7mx${CSI}27m${CSI}K\r${CSI}K${CSI}5;1Hline 5\r\n:${CSI}K${CSI}H${ESC}Mback\r\n${CSI}5;1H:${CSI}K${CSI}?1l${ESC}>${CSI}?1049l${CSI}23;0;0t$ `],
  "a progress bar": [[30, 4], Array.from({ length: 11 }, (_, at) => `\r[${"#".repeat(at)}${" ".repeat(10 - at)}] ${at * 10}%${CSI}K`).join("") + "\r\ndone"],
  "a menu": [[30, 8], `${CSI}?25l${CSI}2;5H${ESC}(0l${"q".repeat(12)}k${ESC}(B${CSI}3;5H${ESC}(0x${ESC}(B${CSI}7m one        ${CSI}27m${ESC}(0x${CSI}4;5Hm${"q".repeat(12)}j${ESC}(B${CSI}8;1H`],
  "a shell's line": [[12, 4], `$ echo one two three${CSI}A\r${CSI}C${CSI}C${CSI}Cx\x1b[J`],
  "top's frame": [[30, 6], `${CSI}?1h${CSI}?25l${CSI}H${CSI}2J${CSI}mtop - 1 user${CSI}m${CSI}39;49m\r\n${CSI}7m  PID USER  ${CSI}m${CSI}39;49m${CSI}K\r\n${CSI}m    1 root  ${CSI}m${CSI}39;49m${CSI}K\r\n${CSI}J${CSI}H${CSI}mtop - 2${CSI}K`],
};

const colour = (cell, side) => {
  const value = cell[`get${side}Color`]();
  if (cell[`is${side}Default`]()) return "";
  return cell[`is${side}RGB`]() ? `#${value.toString(16).padStart(6, "0")}` : `${value}`;
};
const STYLES = ["Bold", "Dim", "Italic", "Underline", "Blink", "Inverse", "Invisible", "Strikethrough"];
const looks = (cell) => [colour(cell, "Fg"), colour(cell, "Bg"), ...STYLES.filter((style) => cell[`is${style}`]()).map((style) => style.toLowerCase())];

// a line: [[text, foreground, background, styles...], ...], text of one look; a wide character is followed by nothing
function runs(line, columns) {
  const found = [];
  for (let x = 0; x < columns; x++) {
    const cell = line.getCell(x);
    if (cell.getWidth() === 0) continue;
    const look = looks(cell);
    const text = cell.getChars() || " ";
    const last = found.at(-1);
    if (last && JSON.stringify(last.slice(1)) === JSON.stringify(look)) last[0] += text;
    else found.push([text, ...look]);
  }
  if (found.length && found.at(-1).slice(1).join("") === "") found.at(-1)[0] = found.at(-1)[0].trimEnd();
  return found.filter((run) => run[0]);
}

const latin = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
const corpus = {};
for (const [name, [[cols, rows], ...steps]] of Object.entries(cases)) {
  const terminal = new headless.Terminal({ cols, rows, scrollback: 1000, allowProposedApi: true });
  terminal.loadAddon(new unicode.Unicode11Addon());
  terminal.unicode.activeVersion = "11";
  const written = [];
  for (const step of steps) {
    if (Array.isArray(step)) {
      terminal.resize(...step);
      written.push(step);
    } else {
      const bytes = typeof step === "string" ? new TextEncoder().encode(step) : step;
      await new Promise((done) => terminal.write(bytes, done));
      written.push(latin(bytes));
    }
  }
  const buffer = terminal.buffer.active;
  corpus[name] = {
    size: [cols, rows],
    steps: written,
    lines: Array.from({ length: terminal.rows }, (_, y) => runs(buffer.getLine(buffer.baseY + y), terminal.cols)),
    cursor: [Math.min(buffer.cursorX, terminal.cols - 1), buffer.cursorY],
    shown: !terminal._core.coreService.isCursorHidden,
    alternate: buffer.type === "alternate",
    above: Array.from({ length: terminal.buffer.normal.baseY }, (_, y) => terminal.buffer.normal.getLine(y).translateToString(true)),
  };
}
const version = JSON.parse(readFileSync(new URL("node_modules/@xterm/headless/package.json", import.meta.url))).version;
const body = Object.entries(corpus).map(([name, found]) => `${JSON.stringify(name)}: ${JSON.stringify(found)}`).join(",\n");
writeFileSync(new URL("corpus.json", import.meta.url), `{\n"xterm.js": "${version}",\n"cases": {\n${body}\n}\n}\n`);
console.log(`${Object.keys(corpus).length} cases by xterm.js ${version}`);
