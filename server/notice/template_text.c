/* The texts themselves. Variables: see message.c. */
#include "notice/template.h"

#include <string.h>

static const struct language LANGUAGES[] = {
        {.code = "en",
                .templates = {[NOTICE_CREATED] = {"[#{ticket}] {title}",
                                      "Your ticket #{ticket} is filed: {title}\n"
                                      "First answer by: {response_due}\n"
                                      "Solution by: {resolution_due}\n"},
                        [NOTICE_REPLIED] = {"[#{ticket}] {title}",
                                "{actor} answered on ticket #{ticket}:\n\n{text}\n"},
                        [NOTICE_ANSWERED] = {"[#{ticket}] {title}",
                                "{actor} ({customer}) wrote on ticket "
                                "#{ticket}:\n\n{text}\n"},
                        [NOTICE_QUESTION] = {"[#{ticket}] Question: {title}",
                                "Ticket #{ticket} waits for your answer.\n"},
                        [NOTICE_RESOLVED] = {"[#{ticket}] Resolved: {title}",
                                "Ticket #{ticket} is resolved. If it is not, reopen "
                                "it.\n"},
                        [NOTICE_REOPENED] = {"[#{ticket}] Reopened: {title}",
                                "Ticket #{ticket} is open again (by {actor}).\n"},
                        [NOTICE_LEVEL] = {"[#{ticket}] {level}: {title}",
                                "{level}: {clock} of ticket #{ticket} ({customer}, "
                                "P{priority}) is due {due}. Reached {at}.\n"},
                        [NOTICE_PROMISED] = {"[#{ticket}] Date promised: {title}",
                                "The date promised for ticket #{ticket}: {promise}\n"
                                "Before: {old_promise}\n{text}\n"},
                        [NOTICE_PROMISE_WARNED] = {"[#{ticket}] Promise comes due: {title}",
                                "Ticket #{ticket} ({customer}, P{priority}) is promised "
                                "for {promise}. Keep it, or tell the customer now.\n"},
                        [NOTICE_PROMISE_BROKEN] = {"[#{ticket}] Promise broken: {title}",
                                "Ticket #{ticket} ({customer}, P{priority}) was promised "
                                "for {promise}.\n"},
                        [NOTICE_ASKED] = {"[#{ticket}] How does it stand? {title}",
                                "{actor} ({customer}) asks what is happening with ticket "
                                "#{ticket}. The next update is due: {due}\n{text}\n"},
                        [NOTICE_MERGED] = {"[#{ticket}] Continued in #{other}: {title}",
                                "Ticket #{ticket} tells of the same as #{other}, which is "
                                "worked on; what is new comes there.\n"},
                        [NOTICE_UNMERGED] = {"[#{ticket}] On its own again: {title}",
                                "Ticket #{ticket} is worked on by itself again, apart "
                                "from #{other}.\n"},
                        [TEMPLATE_DIGEST] = {"{count} notices on {tickets} tickets",
                                "What was kept for you until now: {count} notices on "
                                "{tickets} tickets.\n\n"},
                        [TEMPLATE_SUMMARY] = {"{count} notices on {tickets} tickets",
                                "Much happened at once: {count} notices on {tickets} "
                                "tickets.\n\n"},
                        [TEMPLATE_SUMMARY_LINE] = {"",
                                "#{ticket} {title} ({customer}): {kind}\n"},
                        [TEMPLATE_REST] = {"", "and {count} more\n"}},
                .clocks = {"", "the response", "the next update", "the resolution",
                        "the team's own time", "the supplier's time"},
                .kinds = {"", "filed", "answered", "the customer wrote", "question", "resolved",
                        "reopened", "escalation", "date promised", "promise comes due",
                        "promise broken", "the customer asks", "merged", "on its own again"},
                .nobody = "the system",
                .none = "not promised"},
        {.code = "ru",
                .templates = {[NOTICE_CREATED] = {"[#{ticket}] {title}",
                                      "Ваша заявка #{ticket} принята: {title}\n"
                                      "Ответим до: {response_due}\n"
                                      "Решим до: {resolution_due}\n"},
                        [NOTICE_REPLIED] = {"[#{ticket}] {title}",
                                "Ответ по заявке #{ticket} ({actor}):\n\n{text}\n"},
                        [NOTICE_ANSWERED] = {"[#{ticket}] {title}",
                                "Сообщение по заявке #{ticket} ({actor}, "
                                "{customer}):\n\n{text}\n"},
                        [NOTICE_QUESTION] = {"[#{ticket}] Вопрос: {title}",
                                "Заявка #{ticket} ждёт вашего ответа.\n"},
                        [NOTICE_RESOLVED] = {"[#{ticket}] Решено: {title}",
                                "Заявка #{ticket} решена. Если это не так, откройте её "
                                "снова.\n"},
                        [NOTICE_REOPENED] = {"[#{ticket}] Открыта снова: {title}",
                                "Заявка #{ticket} открыта снова ({actor}).\n"},
                        [NOTICE_LEVEL] = {"[#{ticket}] {level}: {title}",
                                "{level}: заявка #{ticket} ({customer}, P{priority}), "
                                "{clock}: срок {due}. Наступило {at}.\n"},
                        [NOTICE_PROMISED] = {"[#{ticket}] Обещанный срок: {title}",
                                "Обещанный срок по заявке #{ticket}: {promise}\n"
                                "Прежний: {old_promise}\n{text}\n"},
                        [NOTICE_PROMISE_WARNED] = {"[#{ticket}] Подходит срок: {title}",
                                "Заявка #{ticket} ({customer}, P{priority}) обещана к "
                                "сроку {promise}. Успейте или предупредите заказчика.\n"},
                        [NOTICE_PROMISE_BROKEN] = {"[#{ticket}] Обещание нарушено: {title}",
                                "Заявка #{ticket} ({customer}, P{priority}) была обещана "
                                "к сроку {promise}.\n"},
                        [NOTICE_ASKED] = {"[#{ticket}] Что с заявкой? {title}",
                                "{actor} ({customer}) спрашивает, что происходит с "
                                "заявкой #{ticket}. Новость о ходе работ нужна: {due}\n"
                                "{text}\n"},
                        [NOTICE_MERGED] = {"[#{ticket}] Объединена с #{other}: {title}",
                                "Заявка #{ticket} о том же, что и #{other}: работа "
                                "продолжается в ней, новости придут по ней.\n"},
                        [NOTICE_UNMERGED] = {"[#{ticket}] Снова отдельно: {title}",
                                "Заявка #{ticket} снова в работе отдельно от "
                                "#{other}.\n"},
                        [TEMPLATE_DIGEST] = {"Сводка: уведомлений {count}, заявок "
                                             "{tickets}",
                                "Накопилось для вас: уведомлений {count}, заявок "
                                "{tickets}.\n\n"},
                        [TEMPLATE_SUMMARY] = {"Сводка: уведомлений {count}, заявок "
                                              "{tickets}",
                                "Много событий сразу: уведомлений {count}, заявок "
                                "{tickets}.\n\n"},
                        [TEMPLATE_SUMMARY_LINE] = {"",
                                "#{ticket} {title} ({customer}): {kind}\n"},
                        [TEMPLATE_REST] = {"", "и ещё {count}\n"}},
                .clocks = {"", "ответ", "новость о ходе работ", "решение",
                        "внутренний срок команды", "срок поставщика"},
                .kinds = {"", "принята", "ответ", "сообщение заказчика", "вопрос", "решена",
                        "открыта снова", "эскалация", "обещан срок", "подходит обещанный срок",
                        "обещание нарушено", "заказчик спрашивает", "объединена",
                        "снова отдельно"},
                .nobody = "система",
                .none = "не обещано"},
};

enum { LANGUAGE_COUNT = sizeof LANGUAGES / sizeof LANGUAGES[0] };

const struct language *language_find(const char *tag)
{
	size_t length = tag == NULL ? 0 : strcspn(tag, "-_");

	for (size_t i = 0; i < LANGUAGE_COUNT; i++) {
		if (strlen(LANGUAGES[i].code) == length &&
		        strncmp(LANGUAGES[i].code, tag, length) == 0)
			return &LANGUAGES[i];
	}
	return &LANGUAGES[0];
}

const struct language *language_at(size_t i)
{
	return i < LANGUAGE_COUNT ? &LANGUAGES[i] : NULL;
}

int template_check(struct otk_error *err)
{
	for (size_t l = 0; l < LANGUAGE_COUNT; l++) {
		for (int t = NOTICE_CREATED; t < TEMPLATE_COUNT; t++) {
			const struct template *template = &LANGUAGES[l].templates[t];
			int rc = template_try(template->subject, err);

			if (rc == 0)
				rc = template_try(template->body, err);
			if (rc != 0)
				return rc;
		}
	}
	return 0;
}
