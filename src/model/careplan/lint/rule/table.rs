//! The rule table: every rule's stable name, severity, source, sentences, and where readings differ.

use super::{Scope, Severity};

rules! {
Name {
    NameUnknown "NAME_UNKNOWN" Refused "LD every sheet"
        "ファイル名が標準仕様のものではありません。UPPLAN などの接頭辞と _ で始めてください。"
        "The file name is not one of the standard. Begin it with a prefix such as UPPLAN and an underline.";
    NamePart "NAME_PART" Refused "LD every sheet; MT 2.4, 3.4"
        reading "Some samples show stamps of 15 digits and office numbers of 9; the rule says 14 and 10."
        "ファイル名の{detail}がないか、形が違います。"
        "In the file name {detail} is missing or has the wrong form.";
    NameTooMany "NAME_TOO_MANY" Refused "LD every sheet"
        "ファイル名に余分な部分があります。"
        "The file name has more parts than its kind.";
    NameEdition3 "NAME_EDITION_3" Refused "V1156 2.4; LD every sheet"
        "第3版のファイル名です（サービス種類コードがありません）。第4.1版で出力してください。"
        "This is a file name of edition 3 (no service kinds). Write the file in edition 4.1.";
    NameStrayMonth "NAME_STRAY_MONTH" Advice "LD 利用者基本情報; MT 3.4"
        reading "A sample of the main text has a month part 000000, the layout has none: both are read."
        "ファイル名に000000の年月があります。このファイル種別にはない部分です。"
        "The file name has a month part 000000, which its kind has not.";
    NameCase "NAME_CASE" Advice "LD every sheet (inference)"
        "ファイル名は{detail}のように大文字・小文字を標準どおりにしてください。"
        "Write the file name with the standard's upper and lower case: {detail}.";
    NameKindUnknown "NAME_KIND_UNKNOWN" LikelyRefused "MT 1.3, 1.4"
        "ファイル名のサービス種類コード{detail}が一覧にありません。"
        "The service kind {detail} of the file name is not in the table.";
    NameKindOutOfScope "NAME_KIND_OUT_OF_SCOPE" LikelyRefused "MT 1.3, 1.4, 2.6, 3.6"
        "ファイル名のサービス種類{detail}はデータ連携の対象外です。"
        "The service kind {detail} of the file name is not exchanged.";
    NameSides "NAME_SIDES" Advice "LD 第6表"
        reading "A sample of the results file swaps the offices but not their kinds; whether a support centre is 43 or 46 is not stated: both are taken."
        "ファイル名の{detail}は居宅介護支援（43）か介護予防支援（46）のはずです。送信元と送信先を確かめてください。"
        "In the file name {detail} should be 43 or 46 (care management). Check sender and recipient.";
    NameSameOffice "NAME_SAME_OFFICE" LikelyRefused "FAQ"
        "送信元と送信先の事業所番号が同じです。同じ番号の間では送れないことがあります。"
        "Sender and recipient have the same office number. Sending between them can fail.";
    NameCheckDigit "NAME_CHECK_DIGIT" Advice "office number scheme"
        reading "The standard's own samples fail the check digit: it only warns."
        "ファイル名の{detail}の検証数字が合いません。"
        "In the file name the check digit of {detail} does not fit.";
}
File {
    FileEmpty "FILE_EMPTY" LikelyRefused "MT 2.6, 3.6 (inference)"
        "ファイルにレコードがありません。"
        "The file has no record.";
    FileEmptyAnnex "FILE_EMPTY_ANNEX" Advice "LD (補足)別表の構成について"
        reading "Whether an annex without rows is sent empty or left out is not stated: both are taken."
        "別表にレコードがありません。"
        "The annex has no record.";
    FileBom "FILE_BOM" Refused "MT 4.3"
        "ファイルがBOMで始まっています。UTF-8ではなくShift_JIS（MS932）で保存してください。"
        "The file begins with a byte order mark. Save it as Shift_JIS (MS932), not UTF-8.";
    FileUtf16 "FILE_UTF16" Refused "MT 4.3"
        "ファイルがUTF-16です。Shift_JIS（MS932）で保存してください。"
        "The file is UTF-16. Save it as Shift_JIS (MS932).";
    FileUtf8 "FILE_UTF8" Refused "MT 4.3"
        "ファイルがUTF-8のようです。Shift_JIS（MS932）で保存してください。"
        "The file looks like UTF-8. Save it as Shift_JIS (MS932).";
    FileHeader "FILE_HEADER" Refused "IMPL; LD every sheet"
        "1行目が項目名のようです。見出し行は付けないでください。"
        "The first line looks like item names. Write no header row.";
    FileEndMark "FILE_END_MARK" LikelyRefused "IMPL (inference)"
        "ファイルの終わりに制御文字（EOF, 1A）があります。取り除いてください。"
        "The file ends with a control character (EOF, 1A). Remove it.";
    LineEndOther "LINE_END_OTHER" Advice "IMPL"
        reading "The standard names no line end; public programs write CRLF. LF and CR are read."
        "行末がCRLFではありません（{detail}）。"
        "The lines do not end with CRLF ({detail}).";
    LineEndMixed "LINE_END_MIXED" Advice "IMPL"
        reading "See LINE_END_OTHER."
        "行末の種類が混ざっています（{detail}）。"
        "Line ends are mixed ({detail}).";
    LineEndMissing "LINE_END_MISSING" Advice "IMPL"
        reading "The standard does not say whether the last line has an end: both are read."
        "最後の行に行末（CRLF）がありません。"
        "The last line has no line end (CRLF).";
    LineEmpty "LINE_EMPTY" LikelyRefused "MT 4.2 (inference)"
        "空の行があります。取り除いてください。"
        "There is an empty line. Remove it.";
    RecordTooLong "RECORD_TOO_LONG" Refused "limit of this program"
        "1レコードが長すぎます（{detail}バイトまで）。引用符の閉じ忘れがないか確かめてください。"
        "A record is too long (at most {detail} bytes). Look for a quote that is not closed.";
    QuoteUnclosed "QUOTE_UNCLOSED" Refused "LD foot of every sheet"
        "「{item}」の引用符（\"）が閉じていません。"
        "The quote of `{item}` is not closed.";
    QuoteSingle "QUOTE_SINGLE" Refused "LD foot of every sheet"
        "「{item}」の中の引用符（\"）は2つ重ねてください。"
        "Double the quotes inside `{item}`.";
    QuoteStray "QUOTE_STRAY" Refused "LD foot of every sheet"
        "「{item}」は引用符（\"）で囲まれていないのに、中に引用符があります。"
        "`{item}` holds a quote though it is not in quotes.";
    ColumnCount "COLUMN_COUNT" Refused "LD every sheet"
        "項目の数が違います（{detail}）。値が1つ抜けたか増えたときは、それらしい項目の番号を示します。"
        "The number of items is wrong ({detail}). Where one value is missing or too many, the likely items are given.";
    ColumnsEdition3 "COLUMNS_EDITION_3" Refused "LD CSVバージョン履歴 (inference)"
        "項目の数が第3版のものです（{detail}）。第4.1版で出力してください。"
        "The number of items is that of edition 3 ({detail}). Write the file in edition 4.1.";
    TextBare "TEXT_BARE" Advice "LD foot of every sheet; IMPL"
        reading "The layout wants free text always in quotes, programs write them only when needed: both are read. Told once a file."
        "「{item}」は自由記載なので引用符（\"）で囲むことになっています（このファイルの初出のみ知らせます）。"
        "`{item}` is free text and should stand in quotes (told once a file).";
    CodeQuoted "CODE_QUOTED" Advice "LD foot of every sheet"
        reading "The standard is silent on quotes around other items: both are read. Told once a file."
        "「{item}」は自由記載ではないので、引用符（\"）は要りません（このファイルの初出のみ知らせます）。"
        "`{item}` is not free text and needs no quotes (told once a file).";
}
Text {
    CharacterInvalid "CHARACTER_INVALID" Refused "MT 4.3"
        "「{item}」にShift_JIS（MS932）の文字ではないバイトがあります（{detail}）。"
        "`{item}` holds bytes that are no character of Shift_JIS (MS932): {detail}.";
    CharacterGaiji "CHARACTER_GAIJI" Refused "MT 4.3"
        "「{item}」に外字があります（{detail}）。使える文字に置き換えてください。"
        "`{item}` holds a user-defined character (外字, {detail}). Put a standard one in its place.";
    CharacterControl "CHARACTER_CONTROL" LikelyRefused "LD foot of every sheet (inference)"
        "「{item}」に制御文字があります（{detail}）。改行のほかは使えません。"
        "`{item}` holds a control character ({detail}). Only line breaks may stand there.";
    CharacterOffHub "CHARACTER_OFF_HUB" LikelyRefused "hub profile 1, fine print 8"
        "「{item}」の文字（{detail}）はMS932にはありますが、介護情報基盤の文字集合（JIS X 0213）にありません。"
        "`{item}` holds a character ({detail}) that MS932 has and the hub's set (JIS X 0213) has not.";
    CharacterHalfKana "CHARACTER_HALF_KANA" Advice "MT 4.3; LD"
        reading "The width of kana is not stated, and the hub's set has no half-width kana: they are advice, or not mentioned (setting `half_kana`)."
        "「{item}」に半角カナがあります。全角が安全です。"
        "`{item}` holds half-width katakana. Full width is safer.";
    CharacterDuplicate "CHARACTER_DUPLICATE" Advice "MS932"
        "「{item}」に別の符号でも表せる文字があります（{detail}）。受け取る側で検索や照合が合わないことがあります。"
        "`{item}` holds a character in its second code ({detail}). The receiver may not find it again.";
    KanaOther "KANA_OTHER" Advice "LD"
        reading "The layout calls the item フリガナ and prescribes neither katakana nor a width."
        "「{item}」にかな以外の文字があります。"
        "`{item}` holds something that is not kana.";
}
Item {
    ItemRequired "ITEM_REQUIRED" Refused "LD, mark 必須"
        "「{item}」がありません。必須項目です。"
        "`{item}` is missing. It is mandatory.";
    ItemExpected "ITEM_EXPECTED" Advice "LD, doubtful mark"
        reading "The printed layout leaves it unsure whether the item is mandatory: an empty one is taken."
        "「{item}」がありません。必須と読める版があります。"
        "`{item}` is missing. In one reading of the layout it is mandatory.";
    ItemUnused "ITEM_UNUSED" Advice "LD 識別子"
        "「{item}」は使わない項目です。空にしてください。"
        "`{item}` is not in use. Leave it empty.";
    ValueFullWidth "VALUE_FULL_WIDTH" Refused "LD every sheet"
        "「{item}」は半角で書いてください。"
        "Write `{item}` in half width.";
    ValueSpaces "VALUE_SPACES" LikelyRefused "LD every sheet (inference)"
        reading "Nothing is said on padding: programs that compare exactly refuse it."
        "「{item}」の前後に空白があります。取り除いてください。"
        "`{item}` has blanks around it. Remove them.";
    ValueSpreadsheet "VALUE_SPREADSHEET" Refused "LD every sheet"
        "「{item}」が表計算ソフトで変わったようです（{detail}）。元のソフトから出力し直してください。"
        "`{item}` seems to have been changed by a spreadsheet ({detail}). Export it again from the care software.";
    ValueDoubtful "VALUE_DOUBTFUL" Advice "LD, doubtful item"
        reading "The printed layout leaves it unsure what the item holds: any value is taken."
        "「{item}」の値が読み方の一つに合いません。"
        "The value of `{item}` does not fit one of the readings.";
    LengthExact "LENGTH_EXACT" Refused "LD, 桁数"
        "「{item}」は{detail}桁です。"
        "`{item}` has {detail} places.";
    LengthTooLong "LENGTH_TOO_LONG" Refused "LD, 桁数"
        "「{item}」は{detail}桁までです。"
        "`{item}` has at most {detail} places.";
    LengthDoubtful "LENGTH_DOUBTFUL" Advice "LD, doubtful length"
        reading "The printed length is in doubt: a longer value is taken."
        "「{item}」は{detail}桁までと読む受け手があります。"
        "Some receivers read `{item}` as {detail} places at most.";
    LengthUnit "LENGTH_UNIT" Advice "LD, 桁数"
        reading "Whether bytes or characters are counted is not stated: a value that fits one way is taken; a setting chooses one (`lengths`)."
        "「{item}」はバイトで数えると{detail}桁を超えます。"
        "`{item}` has more than {detail} places when bytes are counted.";
    NumberInvalid "NUMBER_INVALID" Refused "LD, 形式"
        "「{item}」は半角の整数で書いてください。"
        "Write `{item}` as a whole number.";
    NumberNegative "NUMBER_NEGATIVE" Advice "LD 第6表 No.8"
        reading "The sign of a reduction is not stated: a minus is taken."
        "「{item}」が負の数です。受け取る側が読めないことがあります。"
        "`{item}` is negative. Not every receiver reads that.";
    PriceInvalid "PRICE_INVALID" LikelyRefused "LD 第7表 No.23"
        reading "The printed length is 6, the printed pattern 99.99."
        "「{item}」は 10.00 のように小数点以下2桁で書いてください。"
        "Write `{item}` with two decimals, such as 10.00.";
    OrdinalInvalid "ORDINAL_INVALID" Refused "LD 2表 No.6, 8, 13"
        "「{item}」は1から99の番号です。"
        "`{item}` is a number from 1 to 99.";
    CodeUnknown "CODE_UNKNOWN" Refused "LD, コード値"
        "「{item}」にこのコードはありません。"
        "`{item}` has no such code.";
    CodeZeroDropped "CODE_ZERO_DROPPED" Refused "LD, コード値"
        "「{item}」の先頭の0が落ちています。表計算ソフトで開いて保存していないか確かめてください。"
        "`{item}` has lost its leading zero. A spreadsheet may have dropped it.";
    DateShape "DATE_SHAPE" Refused "LD, 形式 YYYYMMDD"
        reading "Some samples show months where the layout wants days: the layout counts."
        "「{item}」は西暦のYYYYMMDD（半角8桁）で書いてください。"
        "Write `{item}` as YYYYMMDD, eight digits of the Gregorian calendar.";
    DateInvalid "DATE_INVALID" Refused "LD, 形式 YYYYMMDD"
        "「{item}」は暦にない日付です。"
        "`{item}` is no day of the calendar.";
    DateImplausible "DATE_IMPLAUSIBLE" Advice "plain sense"
        "「{item}」の年が1900年から2099年の間にありません。"
        "The year of `{item}` is not between 1900 and 2099.";
    MonthInvalid "MONTH_INVALID" Refused "LD, 形式 YYYYMM"
        "「{item}」はYYYYMM（半角6桁、2000年以降）で書いてください。"
        "Write `{item}` as YYYYMM, six digits, from 2000 on.";
    TimeInvalid "TIME_INVALID" Refused "LD, 形式 HHMM"
        "「{item}」はHHMM（0000から2359）で書いてください。"
        "Write `{item}` as HHMM (0000 to 2359).";
    DaysInvalid "DAYS_INVALID" Refused "LD 第6表 No.11"
        reading "That it is 31 places in shorter months too is an inference."
        "「{item}」は0と1の31桁です。"
        "`{item}` is 31 characters 0 or 1.";
    VersionUnknown "VERSION_UNKNOWN" Refused "LD CSVバージョン"
        "CSVバージョンが一覧にありません。{detail}を書いてください。"
        "The CSV version is not in the table. Write {detail}.";
    VersionOld "VERSION_OLD" Refused "LD CSVバージョン履歴"
        "CSVバージョンが以前の版のものです。第4.1版（{detail}）で出力してください。"
        "The CSV version is that of an earlier edition. Write edition 4.1 ({detail}).";
    VersionTolerated "VERSION_TOLERATED" Advice "LD CSVバージョン履歴; IMPL"
        reading "Both official tables say 202407 for 4.1; 202410 and 202504 are seen in the field and taken. Settings choose the set (`csv_versions`)."
        "CSVバージョンは{detail}が正式です。このまま受け取ります。"
        "The official CSV version is {detail}. This one is taken as well.";
    InsurerCheckDigit "INSURER_CHECK_DIGIT" LikelyRefused "insurer number scheme"
        "「{item}」の検証数字が合いません。"
        "The check digit of `{item}` does not fit.";
    InsuredShape "INSURED_SHAPE" LikelyRefused "LD, 被保険者番号"
        "「{item}」は数字10桁、生活保護単独の方はHと数字9桁です。"
        "`{item}` is ten digits, or H and nine digits for persons on public assistance alone.";
    OfficeShape "OFFICE_SHAPE" Refused "LD, 事業所番号; office number scheme"
        "「{item}」は半角数字（英大文字）10桁です。I・O・Qは使いません。"
        "`{item}` is ten digits or capital letters; I, O and Q are not used.";
    OfficeCheckDigit "OFFICE_CHECK_DIGIT" Advice "office number scheme"
        reading "The standard's own samples fail the check digit: it only warns."
        "「{item}」の検証数字が合いません。"
        "The check digit of `{item}` does not fit.";
    ServiceShape "SERVICE_SHAPE" Refused "LD 第6表 No.15; LD 第7表 No.9"
        "「{item}」はサービス種類2桁とサービス項目4桁です。"
        "`{item}` is the service kind (2) and the service item (4).";
    ServiceKindUnknown "SERVICE_KIND_UNKNOWN" LikelyRefused "MT 1.3, 1.4"
        "「{item}」のサービス種類{detail}が一覧にありません。"
        "The service kind {detail} of `{item}` is not in the table.";
    ServiceOutOfScope "SERVICE_OUT_OF_SCOPE" LikelyRefused "MT 1.3, 1.4, 2.6, 3.6"
        "「{item}」のサービス種類{detail}はデータ連携の対象外です。この行は出力しません。"
        "The service kind {detail} of `{item}` is not exchanged: write no row for it.";
    EquipmentShape "EQUIPMENT_SHAPE" Refused "LD 第6表 No.16, 17"
        "「{item}」は 00001-000010 の形です。"
        "`{item}` has the form 00001-000010.";
    BranchShape "BRANCH_SHAPE" Advice "LD 第6表 No.22"
        reading "The office's own number, or 1, 2, 3: letters are taken."
        "「{item}」は数字の枝番が安全です。"
        "A branch number of digits is safer in `{item}`.";
    PostalShape "POSTAL_SHAPE" LikelyRefused "LD, 形式 NNN-NNNN"
        "「{item}」は 123-4567 の形です。"
        "`{item}` has the form 123-4567.";
    PhoneShape "PHONE_SHAPE" Advice "LD, 電話番号"
        reading "No form is given; hyphens count in the length."
        "「{item}」は半角数字とハイフンが安全です。"
        "Digits and hyphens are safer in `{item}`.";
    ImageName "IMAGE_NAME" LikelyRefused "LD 利用者基本情報 No.62"
        reading "The extension is .jpg in the rule and .JPG in the sample: both are taken."
        "「{item}」が画像ファイルの名前の決まりに合いません。"
        "`{item}` does not keep to the rule for image names.";
}
Record {
    VersionMixed "VERSION_MIXED" Refused "LD CSVバージョン"
        "CSVバージョンが最初の行と違います。1ファイルに1つです。"
        "The CSV version differs from the first record's. A file has one.";
    VersionMonth "VERSION_MONTH" Advice "LD CSVバージョン, CSVバージョン履歴"
        reading "A version is used from the service month from which it applies; receivers that look at the value alone take it."
        "このCSVバージョンは{detail}のサービス提供分から使うものです。"
        "This CSV version is for service months from {detail} on.";
    MonthDiffers "MONTH_DIFFERS" LikelyRefused "LD 第6表 (inference)"
        "「{item}」がファイル名の年月（{detail}）と違います。"
        "`{item}` differs from the month of the file name ({detail}).";
    MonthsMixed "MONTHS_MIXED" Refused "LD 第6表, 第7表; MT 5.1.1.3, 5.2.1.3"
        "「{item}」が最初の行と違います。1ファイルに1か月分です。"
        "`{item}` differs from the first record's. A file holds one month.";
    DayOutsideMonth "DAY_OUTSIDE_MONTH" LikelyRefused "LD 第6表 No.5, 10 (inference)"
        "「{item}」が対象年月（{detail}）の日ではありません。"
        "`{item}` is not a day of the target month ({detail}).";
    DaysBeyondMonth "DAYS_BEYOND_MONTH" LikelyRefused "LD 第6表 No.11"
        "「{item}」に、その月にない日の1があります（{detail}日まで）。"
        "`{item}` marks a day that the month has not (it has {detail}).";
    PeriodReversed "PERIOD_REVERSED" LikelyRefused "plain sense"
        "「{item}」が開始日（{detail}）より前です。"
        "`{item}` is before the start ({detail}).";
    DateOrder "DATE_ORDER" Advice "plain sense"
        "「{item}」と「{detail}」の順が逆です。"
        "`{item}` and `{detail}` are in the wrong order.";
    TimeReversed "TIME_REVERSED" Advice "LD 第6表 No.12, 13"
        reading "A service over midnight is not covered: it is taken."
        "「{item}」が開始時刻より前です。"
        "`{item}` is before the start time.";
    TimeHalf "TIME_HALF" LikelyRefused "LD 第6表 No.12, 13"
        "開始時刻と終了時刻の一方だけが9999です。"
        "Only one of the two times is 9999.";
    DetailMissing "DETAIL_MISSING" LikelyRefused "LD (natural reading)"
        "「{detail}」の値により「{item}」が要ります。"
        "The value of `{detail}` needs `{item}`.";
    DetailStray "DETAIL_STRAY" Advice "LD (natural reading)"
        "「{item}」がありますが、「{detail}」の値がそれを示していません。"
        "`{item}` is filled although `{detail}` does not call for it.";
    EquipmentMissing "EQUIPMENT_MISSING" Refused "LD 第6表 No.16, 17; LD 第7表 No.10, 11"
        reading "The layout of table 7 points to item 19 for the service code; item 9 is meant."
        "福祉用具貸与にはTAISコードか福祉用具届出コードが要ります。"
        "Equipment rental needs a TAIS code or a notification code.";
    EquipmentBoth "EQUIPMENT_BOTH" Advice "LD 第6表 No.16, 17"
        reading "The notification code is for goods without a TAIS code; that both may stand together is not excluded."
        "TAISコードと福祉用具届出コードの両方があります。"
        "Both the TAIS code and the notification code are filled.";
    EquipmentStray "EQUIPMENT_STRAY" Advice "LD 第6表 No.16 to 19"
        "「{item}」は福祉用具貸与（17・67）だけの項目です。"
        "`{item}` is for equipment rental (17, 67) only.";
    FrameGap "FRAME_GAP" LikelyRefused "LD 利用者補足情報 No.20"
        "種類別の支給限度は1枠目から詰めて書いてください。"
        "Fill the frames of the limits by service kind from the first, without gaps.";
    FrameIncomplete "FRAME_INCOMPLETE" LikelyRefused "LD 利用者補足情報 No.20"
        "種類別の支給限度の枠に「{item}」がありません。"
        "`{item}` is missing from its frame of the limits by service kind.";
    FrameRepeated "FRAME_REPEATED" LikelyRefused "LD 利用者補足情報 No.20"
        "同じサービス種類の枠が2つあります。"
        "Two frames have the same service kind.";
    FrameOver "FRAME_OVER" Advice "LD 利用者補足情報 No.20 (inference)"
        "「{item}」が合計から限度を引いた値（{detail}）と違います。"
        "`{item}` is not the total less the limit ({detail}).";
    RowSortMixed "ROW_SORT_MIXED" LikelyRefused "LD ３表の構成"
        "1行に書けるのは介護サービス・日常生活上の活動・週単位以外のサービスのどれか1つです。"
        "A row holds a weekly service, a daily activity or a service outside the week: one of them.";
    RowSortNone "ROW_SORT_NONE" LikelyRefused "LD ３表の構成"
        "行にサービスも活動もありません。"
        "The row holds neither a service nor an activity.";
    RowSortIncomplete "ROW_SORT_INCOMPLETE" LikelyRefused "LD ３表の構成"
        "この行には「{item}」も要ります。"
        "This row needs `{item}` as well.";
    SupplementLink "SUPPLEMENT_LINK" Refused "LD 利用者補足情報 No.4, 63; MT 2.3"
        "「{item}」は{detail}のはずです（1～3表と送るときは年月が000000、6・7表と送るときは作成日が00000000）。"
        "`{item}` should be {detail} (beside tables 1 to 3 the month is 000000, beside tables 6 and 7 the plan date is 00000000).";
    BenefitLimit "BENEFIT_LIMIT" Advice "table of 区分支給限度基準額"
        reading "Limits change, and insurers may raise them: the table is data and can be replaced (`code_tables`)."
        "「{item}」が要介護状態区分の基準額（{detail}）と違います。"
        "`{item}` is not the limit of the care level ({detail}).";
    ShortStaySum "SHORT_STAY_SUM" Advice "LD 第7表 No.30 to 32; LD 利用者補足情報 No.57, 58 (inference)"
        "短期入所の累積日数が合いません（{detail}）。"
        "The cumulative days of short stay do not fit ({detail}).";
    ShortStayFlag "SHORT_STAY_FLAG" Advice "LD 第7表 No.33 (inference)"
        "「{item}」が1ですが、短期入所の累積が30日を超えていません。"
        "`{item}` is 1 although the cumulative days of short stay do not exceed 30.";
    ProviderOther "PROVIDER_OTHER" Advice "MT 5.1.2.1"
        "「{item}」がファイルの送信元の事業所ではありません。"
        "`{item}` is not the office that sends the file.";
    ServiceKindOther "SERVICE_KIND_OTHER" Advice "LD 第6表 ファイル作成単位; MT 5.1.2.1"
        reading "The layout wants one file an office and kind, a figure of the main text shows several kinds in one: both are taken."
        "サービス種類{detail}がファイル名のサービス種類と違います。"
        "The service kind {detail} is not that of the file name.";
    UpdatedByOther "UPDATED_BY_OTHER" Advice "LD 第6表 No.24"
        "「{item}」がファイルの送信元の事業所ではありません。"
        "`{item}` is not the office that sends the file.";
}
Table {
    RowRepeated "ROW_REPEATED" Advice "plain sense"
        "同じ内容の行が前にもあります。"
        "A row with the same content stands before.";
    KeyRepeated "KEY_REPEATED" LikelyRefused "MT 2.3, 3.3"
        "同じ利用者・日付（年月）のレコードが2つあります。"
        "Two records are about the same person and date (month).";
    NumberRepeated "NUMBER_REPEATED" LikelyRefused "IMPL; LD 2表の構成"
        reading "Uniqueness of the three numbers is not stated; receivers with a key on them break."
        "番号の組（{detail}）がこの計画に2つあります。"
        "The numbers ({detail}) stand twice in this plan.";
    OrderBroken "ORDER_BROKEN" Advice "LD ２表の構成"
        "行が番号の順に並んでいません。"
        "The rows are not in the order of their numbers.";
    FirstRowText "FIRST_ROW_TEXT" Advice "LD (補足)別表の構成について"
        "「{item}」は同じ番号の最初の行だけに書きます。"
        "`{item}` stands on the first row of its number only.";
    DetailNumberMissing "DETAIL_NUMBER_MISSING" LikelyRefused "LD 第6表 No.19"
        "福祉用具貸与で同じサービスコードと単位数の行が複数あります。明細判別コードを1、2、3と付けてください。"
        "Rental rows with the same service code and units need the detail numbers 1, 2, 3.";
    TotalMissing "TOTAL_MISSING" Refused "LD 第7表 No.7, 9"
        "利用者の全合計行（999999）がありません。"
        "A user has no grand total row (999999).";
    TotalRepeated "TOTAL_REPEATED" LikelyRefused "LD 第7表 No.9"
        "利用者の全合計行（999999）が2つあります。"
        "A user has two grand total rows (999999).";
    TotalOffice "TOTAL_OFFICE" Refused "LD 第7表 No.7"
        "全合計行の事業所番号は9999999999で、ほかの行では使いません。"
        "The grand total row has the office 9999999999, and no other row has.";
    SubtotalMissing "SUBTOTAL_MISSING" LikelyRefused "LD 第7表 No.9"
        "サービス種類{detail}の行が複数ありますが、種類別小計（{detail}AAAA）がありません。"
        "Service kind {detail} has several rows but no subtotal ({detail}AAAA).";
    SubtotalStray "SUBTOTAL_STRAY" Advice "LD 第7表 No.9"
        "サービス種類{detail}の小計がありますが、明細行がありません。"
        "Service kind {detail} has a subtotal but no detail row.";
    SubtotalUnits "SUBTOTAL_UNITS" LikelyRefused "LD 第7表 No.13"
        "小計行・全合計行の単位数は0です。"
        "The units of subtotals and the grand total are 0.";
    SubtotalRate "SUBTOTAL_RATE" LikelyRefused "LD 第7表 No.14, 15"
        "小計行・全合計行の「{item}」は空にします。"
        "`{item}` is empty on subtotals and the grand total.";
    AmountDiffers "AMOUNT_DIFFERS" Advice "LD 第7表 No.13 to 17 (inference)"
        reading "With a discount the discounted units count. Rounding of rate add-ons is not stated: it is advice."
        "「{item}」が単位数×回数（{detail}）と違います。"
        "`{item}` is not units times count ({detail}).";
    LimitSplit "LIMIT_SPLIT" Advice "LD 第7表 No.18 to 22 (inference)"
        "区分支給限度基準内と超の和が給付管理単位数と違います（{detail}）。"
        "Units within and over the level limit do not add up to the benefit-management units ({detail}).";
    CostSplit "COST_SPLIT" Advice "LD 第7表 No.24 to 28 (inference)"
        "請求額と利用者負担の和が費用総額と違います（{detail}）。"
        "The claim and the user's charge do not add up to the total cost ({detail}).";
    TotalDiffers "TOTAL_DIFFERS" Advice "LD 第7表 No.9 (inference)"
        reading "Some programs write the amounts on the details, others on the subtotals only: a total that fits one of the two sums is taken."
        "全合計行の「{item}」が明細（小計）の合計（{detail}）と違います。"
        "`{item}` of the grand total is not the sum of the details or subtotals ({detail}).";
    DestinationUnrelated "DESTINATION_UNRELATED" LikelyRefused "MT 2.6, 3.6"
        reading "In table 2 the office codes may be empty: a user without any is not judged."
        "送信先の事業所のサービスがない利用者です。関係のない利用者は送れません。"
        "The user has no service of the destination. Users who have nothing to do with it may not be sent.";
}
Set {
    UnitUnknown "UNIT_UNKNOWN" Refused "MT 2.4, 3.4; FAQ"
        "同じ作成日時のファイルの組（{detail}）が送信単位にありません。"
        "The files with this stamp ({detail}) are no send unit.";
    UnitIncomplete "UNIT_INCOMPLETE" Refused "MT 2.4, 3.4; FAQ"
        "同じ作成日時のファイルに{detail}が足りません。"
        "Among the files with this stamp {detail} is missing.";
    UnitStamps "UNIT_STAMPS" Refused "MT 2.4, 3.4"
        "一緒に送るファイル（{detail}）の作成日時が違います。同じにしてください。"
        "Files that go together ({detail}) have different stamps. Give them the same one.";
    UnitTwice "UNIT_TWICE" Refused "LD ファイル作成単位"
        "同じ種別のファイル（{detail}）が同じ送信単位に2つあります。"
        "A send unit has two files of the kind {detail}.";
    UnitMonths "UNIT_MONTHS" Refused "MT 2.3, 2.4"
        "送信単位のファイルの年月がそろっていません（{detail}）。"
        "The files of a send unit have different months ({detail}).";
    UnitVersions "UNIT_VERSIONS" LikelyRefused "LD CSVバージョン (inference)"
        "送信単位のファイルのCSVバージョンがそろっていません（{detail}）。"
        "The files of a send unit have different CSV versions ({detail}).";
    ParentMissing "PARENT_MISSING" LikelyRefused "MT 2.3, 3.3"
        "このレコードの親（{detail}）に同じ利用者・日付（年月）がありません。"
        "The parent file ({detail}) has no record of the same person and date (month).";
    ChildMissing "CHILD_MISSING" Advice "MT 2.3 (inference)"
        "この利用者のレコードが{detail}にありません。"
        "{detail} has no record for this user.";
    ImageMissing "IMAGE_MISSING" LikelyRefused "LD 利用者基本情報 No.62"
        "「{item}」の画像ファイルが一緒にありません。"
        "The image file named in `{item}` is not there.";
    ImageUnused "IMAGE_UNUSED" Advice "LD 利用者基本情報 No.62"
        "この画像ファイルを指す利用者基本情報がありません。"
        "No base record names this image file.";
    ImageNotJpeg "IMAGE_NOT_JPEG" Refused "LD 利用者基本情報 No.62"
        "画像ファイルがJPEGではありません。"
        "The image file is no JPEG.";
    SatelliteSplit "SATELLITE_SPLIT" LikelyRefused "LD ファイル作成単位; MT 5.1.2.1"
        "同じ事業所番号・サービス種類・年月の実績が複数のファイルに分かれています。サテライトは1つにまとめてください。"
        "Results of one office, kind and month are split over several files. Merge the satellites into one.";
    DeleteAfter "DELETE_AFTER" Advice "MT 2.5, 2.3, 3.3"
        "この削除は、より前に作られた{detail}のレコードを消します。順を確かめてください。"
        "This delete removes a record of {detail}, which was made before it. Check that the order is meant.";
    DeleteChildren "DELETE_CHILDREN" LikelyRefused "MT 2.3, 3.3; LD 1表_削除"
        reading "The layout names table 2 only, the main text tables 2 and 3: both go."
        "{detail}の後に、その計画の一部だけを送っています。削除で1～3表（6・7表）はすべて消えます。"
        "After {detail} only a part of the plan is sent. The delete removes all its tables.";
    LimitExceeded "LIMIT_EXCEEDED" Advice "LD 第6表 No.8; LD 利用者補足情報 No.19 (inference)"
        reading "The layout of table 6 calls it 利用者基本情報 No.18; 利用者補足情報 No.19 is meant."
        "限度内単位数の合計が区分支給限度基準額（{detail}）を超えています。"
        "The total of units within the limit exceeds the level limit ({detail}).";
    AnnexTimes "ANNEX_TIMES" Advice "LD 第6表 No.14; LD 第7表 No.16 (inference)"
        reading "Services counted by the month or the day are counted otherwise: it is advice."
        "別表の回数（{item}）が利用票の回数の合計（{detail}）と違います。"
        "The count of the annex (`{item}`) is not the sum of the slip's ({detail}).";
    ResultBeyondPlan "RESULT_BEYOND_PLAN" Advice "MT 2.2 (inference)"
        "この利用者の実績の回数（合計）が予定（{detail}）を超えています。"
        "The results of this service exceed the plan ({detail}).";
    ResultWithoutPlan "RESULT_WITHOUT_PLAN" Advice "MT 2.2 (inference)"
        "この利用者の実績に対応する予定（同じ事業所・サービスコード）がありません。"
        "The plan has no such service (same office and code) for this user.";
}
Archive {
    ZipUnreadable "ZIP_UNREADABLE" Refused "ZIP (APPNOTE)"
        "ZIPとして読めません。壊れていないか、本当にZIPファイルかを確かめてください。"
        "This cannot be read as a ZIP. Check that it is one and not damaged.";
    ZipEmpty "ZIP_EMPTY" Refused "ZIP (APPNOTE)"
        "ZIPの中にファイルがありません。"
        "The ZIP holds no file.";
    ZipEntries "ZIP_ENTRIES" Refused "limit of this program"
        "ZIPの中のファイルが多すぎます（{detail}個まで）。分けてください。"
        "The ZIP holds too many files (at most {detail}). Split it.";
    ZipTooLarge "ZIP_TOO_LARGE" Refused "limit of this program"
        "ZIPを展開すると大きすぎます（合計{detail} MiBまで）。残りは調べていません。"
        "Unpacked, the ZIP is too large (at most {detail} MiB in all). The rest was not looked at.";
    ZipRatio "ZIP_RATIO" Refused "limit of this program"
        "このファイルは圧縮率が異常です（{detail}倍まで）。ここから後は調べていません。"
        "This file is compressed beyond all measure (at most {detail} to 1). Nothing behind it was looked at.";
    ZipEncrypted "ZIP_ENCRYPTED" Refused "limit of this program"
        "このファイルはパスワードで暗号化されています。暗号化せずにZIPを作ってください。"
        "This file is encrypted with a password. Make the ZIP without one.";
    ZipMethod "ZIP_METHOD" Refused "limit of this program"
        "このファイルの圧縮方式には対応していません。普通のZIP（Deflate）で作り直してください。"
        "This file is compressed with a method that is not supported. Make a plain ZIP (Deflate).";
    ZipBroken "ZIP_BROKEN" Refused "ZIP (APPNOTE)"
        "このファイルはZIPの中で壊れています。ZIPを作り直してください。"
        "This file is damaged inside the ZIP. Make the ZIP again.";
    ZipPath "ZIP_PATH" Refused "limit of this program"
        "このファイルの場所（パス）は使えません（絶対パス、.. 、リンク）。ファイルだけをZIPに入れてください。"
        "The path of this file cannot be used (absolute, with .., or a link). Put plain files into the ZIP.";
    ZipBackslash "ZIP_BACKSLASH" Advice "ZIP (APPNOTE)"
        "ZIPの中のフォルダーの区切りが ¥（バックスラッシュ）です。読めないソフトがあります。"
        "Folders in the ZIP are separated by backslashes. Some programs cannot read that.";
    ZipNameTwice "ZIP_NAME_TWICE" Refused "limit of this program"
        "同じ名前のファイルがZIPの中に2つあります（フォルダーは区別しません）。2つ目は調べていません。"
        "The ZIP holds two files of this name (folders do not count). The second one was not looked at.";
    ZipNameEncoding "ZIP_NAME_ENCODING" Refused "limit of this program"
        "ファイル名の文字がUTF-8でもShift_JIS（MS932）でもありません。"
        "The characters of the file name are neither UTF-8 nor Shift_JIS (MS932).";
}
}
