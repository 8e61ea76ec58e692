otk_unit_test(mail_test USES otk_mail)
otk_unit_test(mail_rules_test USES otk_desk)
