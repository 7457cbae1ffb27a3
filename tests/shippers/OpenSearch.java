// SPDX-License-Identifier: BSD-2-Clause
// OpenSearch FOLDER PORT: starts one node with its data in FOLDER, which listens on that port of the loopback interface.

import java.nio.file.Path;
import java.util.List;
import org.opensearch.common.logging.LogConfigurator;
import org.opensearch.common.settings.Settings;
import org.opensearch.env.Environment;
import org.opensearch.node.InternalSettingsPreparer;
import org.opensearch.node.Node;
import org.opensearch.plugins.Plugin;

public class OpenSearch {
	static class Started extends Node {
		Started(Environment environment, List<Class<? extends Plugin>> plugins) {
			super(environment, plugins, false);
		}
	}

	public static void main(String[] arguments) throws Exception {
		Settings settings = Settings.builder()
			.put("path.home", arguments[0])
			.put("http.port", arguments[1])
			.put("http.type", "netty4").put("transport.type", "netty4")
			.put("discovery.type", "single-node")
			.put("node.name", "store")
			.build();
		Environment environment = InternalSettingsPreparer.prepareEnvironment(settings, java.util.Map.of(), null, () -> "store");
		LogConfigurator.registerErrorListener();
		LogConfigurator.setNodeName("store");
		Node node = new Started(environment, List.of(
			org.opensearch.transport.Netty4Plugin.class,
			org.opensearch.analysis.common.CommonAnalysisPlugin.class));
		Runtime.getRuntime().addShutdownHook(new Thread(() -> {
			try { node.close(); } catch (Exception error) { error.printStackTrace(); }
		}));
		node.start();
		System.out.println("started");
		Thread.currentThread().join();
	}
}
