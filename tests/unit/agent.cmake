# The site agent.
otk_unit_test(check_output_test USES otk_agent)
otk_unit_test(check_perf_test USES otk_agent)
otk_unit_test(check_run_test USES otk_agent)
otk_unit_test(check_state_test USES otk_agent)
otk_unit_test(queue_test USES otk_agent PkgConfig::SQLITE)
