include $(sort $(wildcard $(BR2_EXTERNAL_SIGVERIFY_PATH)/package/*/*.mk))
