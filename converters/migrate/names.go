package migrate

import (
	"strings"

	"github.com/mailconv/mailconv/transport"
)

// localised are the names that mail programs and servers give their special
// folders, in lower case: Outlook and Exchange, Gmail, Thunderbird, Apple Mail,
// Dovecot, Cyrus, in the languages in which they were met.
var localised = map[transport.Role]string{
	transport.RoleInbox:    `inbox|posteingang|boîte de réception|bandeja de entrada|posta in arrivo|postvak in|caixa de entrada|indbakke|inkorg|inkorgen|innboks|saapuneet|skrzynka odbiorcza|odebrane|doručená pošta|beérkező levelek|входящие|вхідні|gelen kutusu|受信トレイ|受信箱|收件箱|收件匣|받은 편지함|الوارد|צואר נכנס|דואר נכנס|εισερχόμενα|mesaje primite`,
	transport.RoleSent:     `sent|sent items|sent messages|sent mail|sent-mail|gesendet|gesendete elemente|gesendete objekte|gesendete nachrichten|éléments envoyés|messages envoyés|envoyés|elementos enviados|enviados|posta inviata|inviata|inviati|elementi inviati|verzonden|verzonden items|verzonden berichten|itens enviados|sendt post|sendt|sendte elementer|skickat|skickade objekt|skickat e-post|lähetetyt|elementy wysłane|wysłane|odeslaná pošta|odeslané|elküldött elemek|отправленные|надіслані|gönderilmiş öğeler|gönderilenler|送信済みアイテム|送信済み|已发送邮件|已发送|寄件備份|보낸 편지함|العناصر المرسلة|פריטים שנשלחו|απεσταλμένα|elemente trimise`,
	transport.RoleDrafts:   `drafts|draft|entwürfe|brouillons|borradores|bozze|concepten|rascunhos|kladder|utkast|luonnokset|wersje robocze|robocze|szkice|koncepty|rozepsané|piszkozatok|черновики|чернетки|taslaklar|下書き|草稿|草稿箱|임시 보관함|المسودات|טיוטות|πρόχειρα|schițe`,
	transport.RoleTrash:    `trash|deleted|deleted items|deleted messages|bin|papierkorb|gelöscht|gelöschte elemente|gelöschte objekte|corbeille|éléments supprimés|messages supprimés|papelera|elementos eliminados|cestino|posta eliminata|eliminati|prullenbak|verwijderde items|verwijderd|lixeira|lixo|itens excluídos|itens eliminados|slettet post|slettede elementer|papirkurv|papperskorg|papperskorgen|borttagna objekt|borttaget|roskakori|poistetut|elementy usunięte|kosz|odstraněná pošta|koš|törölt elemek|удаленные|удалённые|корзина|видалені|кошик|silinmiş öğeler|çöp kutusu|削除済みアイテム|ごみ箱|已删除邮件|已刪除的郵件|删除邮件|지운 편지함|휴지통|العناصر المحذوفة|פריטים שנמחקו|διαγραμμένα|elemente șterse`,
	transport.RoleJunk:     `junk|junk e-mail|junk email|junk mail|spam|bulk mail|junk-e-mail|spamverdacht|unerwünschte werbung|courrier indésirable|indésirables|pourriel|correo no deseado|posta indesiderata|indesiderata|ongewenste e-mail|ongewenste reclame|lixo eletrônico|correio de lixo|uønsket e-mail|uønsket e-post|søppelpost|skräppost|roskaposti|wiadomości-śmieci|nevyžádaná pošta|levélszemét|нежелательная почта|спам|önemsiz e-posta|迷惑メール|垃圾邮件|垃圾郵件|정크 메일|스팸함|البريد الإلكتروني غير الهام|דואר זבל|ανεπιθύμητα|mesaje nedorite`,
	transport.RoleArchive:  `archive|archives|archiv|archivo|archivio|archief|arquivo|arkiv|arkisto|archiwum|archív|archívum|архив|архів|arşiv|アーカイブ|存档|封存|보관|الأرشيف|ארכיון|αρχείο|arhivă`,
	transport.RoleOutbox:   `outbox|postausgang|boîte d'envoi|boîte d’envoi|bandeja de salida|posta in uscita|postvak uit|caixa de saída|udbakke|utkorg|utboks|lähtevät|skrzynka nadawcza|pošta k odeslání|исходящие|送信トレイ|发件箱`,
	transport.RoleCalendar: `calendar|kalender|calendrier|calendario|agenda|calendário|kalenteri|kalendarz|kalendář|naptár|календарь|takvim|予定表|日历`,
	transport.RoleContacts: `contacts|kontakte|personnes|contactos|contatti|contactpersonen|contatos|kontakter|kontaktpersoner|yhteystiedot|kontakty|névjegyek|контакты|kişiler|連絡先|联系人`,
	transport.RoleTasks:    `tasks|aufgaben|tâches|tareas|attività|taken|tarefas|opgaver|uppgifter|oppgaver|tehtävät|zadania|úkoly|feladatok|задачи|görevler|仕事|任务`,
	transport.RoleNotes:    `notes|notizen|notas|note|notities|noter|anteckningar|notater|muistilaput|notatki|poznámky|feljegyzések|заметки|notlar|メモ|便笺`,
	transport.RoleJournal:  `journal|diario|logboek|diário|dziennik|deník|napló|дневник|günlük`,
}

// canonical are the names that folders of a role get in a store that has none.
var canonical = map[transport.Role]string{
	transport.RoleInbox: "INBOX", transport.RoleSent: "Sent", transport.RoleDrafts: "Drafts", transport.RoleTrash: "Trash",
	transport.RoleJunk: "Junk", transport.RoleArchive: "Archive",
}

var roleByName = func() map[string]transport.Role {
	m := map[string]transport.Role{}
	for role, names := range localised {
		for n := range strings.SplitSeq(names, "|") {
			m[n] = role
		}
	}
	return m
}()

// roleOf is the special use of a folder: what the store says, else what its
// name says when it lies at the top, below the inbox or below the folder of
// Gmail.
func roleOf(f transport.Folder) transport.Role {
	if f.Role != transport.RoleNone {
		return f.Role
	}
	switch len(f.Path) {
	case 1:
	case 2:
		if top := strings.ToLower(f.Path[0]); roleByName[top] != transport.RoleInbox && top != "[gmail]" && top != "[google mail]" {
			return transport.RoleNone
		}
	default:
		return transport.RoleNone
	}
	role := roleByName[strings.ToLower(f.Name())]
	if role == transport.RoleInbox && len(f.Path) > 1 {
		return transport.RoleNone
	}
	return role
}

// A kind of item that is not mail.
type kind struct{ name, folder string }

// nonMail tells what an item is by its message class; "" is mail. Meeting
// requests and reports are mail. [MS-OXCMSG] 2.2.1.3, [MS-OXOCAL] 2.2
func nonMail(class string) string {
	c := strings.ToUpper(class)
	for _, k := range []kind{
		{"IPM.APPOINTMENT", "Calendar"},
		{"IPM.CONTACT", "Contacts"},
		{"IPM.DISTLIST", "Contacts"},
		{"IPM.TASK", "Tasks"},
		{"IPM.STICKYNOTE", "Notes"},
		{"IPM.ACTIVITY", "Journal"},
	} {
		if c == k.name || strings.HasPrefix(c, k.name+".") {
			return k.folder
		}
	}
	return ""
}

// nonMailFolder tells whether a folder is for such items.
func nonMailFolder(class string, role transport.Role) bool {
	switch role {
	case transport.RoleCalendar, transport.RoleContacts, transport.RoleTasks, transport.RoleNotes, transport.RoleJournal:
		return true
	}
	switch c := strings.ToUpper(class); {
	case strings.HasPrefix(c, "IPF.APPOINTMENT"), strings.HasPrefix(c, "IPF.CONTACT"), strings.HasPrefix(c, "IPF.TASK"),
		strings.HasPrefix(c, "IPF.STICKYNOTE"), strings.HasPrefix(c, "IPF.JOURNAL"):
		return true
	}
	return false
}
