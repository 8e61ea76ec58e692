otk_unit_test(installation_declare_test USES otk_rpc)
otk_unit_test(installation_diff_test USES otk_rpc)
otk_unit_test(import_case_test USES otk_rpc)
otk_unit_test(import_check_test USES otk_rpc)
